# BDAT (RFC 3030).

== the first example of RFC 3030
I: ehlo
C: MAIL FROM:<Sam@Random.com>\r\n
E: COMMAND MAIL path=<Sam@Random.com> FROM:<Sam@Random.com>
S: 250 <Sam@Random.com> sender ok\r\n
E: REPLY 250 MAIL <Sam@Random.com> sender ok
C: RCPT TO:<Susan@Random.com>\r\n
E: COMMAND RCPT path=<Susan@Random.com> TO:<Susan@Random.com>
S: 250 <Susan@random.com> recipient ok\r\n
E: REPLY 250 RCPT <Susan@random.com> recipient ok
C: BDAT 86 LAST\r\nTo: Susan@random.com\r\nFrom: Sam@random.com\r\nSubject: This is a bodyless test message\r\n
E: COMMAND BDAT 86 LAST
E: DATA_BEGIN
E: CHUNK 86 +LAST
E: DATA To: Susan@random.com\r\nFrom: Sam@random.com\r\nSubject: This is a bodyless test message\r\n
E: DATA_END 86
S: 250 Message OK, 86 octets received\r\n
E: REPLY 250 MESSAGE Message OK, 86 octets received
C: QUIT\r\n
E: COMMAND QUIT
S: 221 Goodbye\r\n
E: REPLY 221 QUIT Goodbye

== chunks one after the other, then an empty LAST one
I: rcpt
C: BDAT 6\r\none\r\n!
E: COMMAND BDAT 6
E: DATA_BEGIN
E: CHUNK 6
E: DATA one\r\n!
S: 250 6 octets\r\n
E: REPLY 250 BDAT 6 octets
C: BDAT 3\r\ntwo
E: COMMAND BDAT 3
E: CHUNK 3
E: DATA two
S: 250 3 octets\r\n
E: REPLY 250 BDAT 3 octets
C: BDAT 0 LAST\r\n
E: COMMAND BDAT 0 LAST
E: CHUNK 0 +LAST
E: DATA_END 9
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued

== the pipelined example of RFC 3030
I: ehlo
C: MAIL FROM:<ned@ymir.claremont.edu> BODY=BINARYMIME\r\nRCPT TO:<gvaudre@cnri.reston.va.us>\r\n
C: RCPT TO:<jstewart@cnri.reston.va.us>\r\n
E: COMMAND MAIL path=<ned@ymir.claremont.edu> FROM:<ned@ymir.claremont.edu> BODY=BINARYMIME
E: COMMAND RCPT +PIPELINED path=<gvaudre@cnri.reston.va.us> TO:<gvaudre@cnri.reston.va.us>
E: COMMAND RCPT +PIPELINED path=<jstewart@cnri.reston.va.us> TO:<jstewart@cnri.reston.va.us>
S: 250 ok\r\n250 ok\r\n250 ok\r\n
E: REPLY 250 MAIL ok
E: REPLY 250 RCPT ok
E: REPLY 250 RCPT ok
C: BDAT 10\r\n0123456789BDAT 4\r\nabcdBDAT 0 LAST\r\n
E: COMMAND BDAT 10
E: DATA_BEGIN
E: CHUNK 10
E: DATA 0123456789
S: 250 10\r\n
E: REPLY 250 BDAT 10
E: COMMAND BDAT +PIPELINED 4
E: CHUNK 4
E: DATA abcd
--
S: 250 4\r\n
E: REPLY 250 BDAT 4
E: COMMAND BDAT +PIPELINED 0 LAST
E: CHUNK 0 +LAST
E: DATA_END 14
--
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
C: QUIT\r\n
E: COMMAND QUIT
S: 221 bye\r\n
E: REPLY 221 QUIT bye

== everything of a message in one group
I: ehlo
C: MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nBDAT 5 LAST\r\nhelloQUIT\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
E: COMMAND RCPT +PIPELINED path=<b@y.example> TO:<b@y.example>
E: COMMAND BDAT +PIPELINED 5 LAST
E: DATA_BEGIN
E: CHUNK 5 +LAST
E: DATA hello
E: DATA_END 5
S: 250 ok\r\n250 ok\r\n250 queued\r\n
E: REPLY 250 MAIL ok
E: REPLY 250 RCPT ok
E: REPLY 250 MESSAGE queued
E: COMMAND QUIT +PIPELINED
--
S: 221 bye\r\n
E: REPLY 221 QUIT bye

== dots, CRs, LFs and NULs are octets like others
I: rcpt
C: BDAT 22 LAST\r\n\r\n.\r\n..\r\n\n.\n\0\r.\r\0.\r\n\xff.
E: COMMAND BDAT 22 LAST
E: DATA_BEGIN
E: CHUNK 22 +LAST
E: DATA \r\n.\r\n..\r\n\n.\n\0\r.\r\0.\r\n\xff.
E: DATA_END 22
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== commands inside a chunk are octets
I: rcpt
C: BDAT 34 LAST\r\n\r\n.\r\nMAIL FROM:<evil@x.example>\r\nNOOP\r\n
E: COMMAND BDAT 34 LAST
E: DATA_BEGIN
E: CHUNK 34 +LAST
E: DATA \r\n.\r\nMAIL FROM:<evil@x.example>\r\nN
E: DATA_END 34
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
E: COMMAND UNKNOWN +PIPELINED
--
S: 250 ok\r\n
E: REPLY 250 UNKNOWN ok

== an empty chunk that is not the last one
I: rcpt
C: BDAT 0\r\nBDAT 2 LAST\r\nab
E: COMMAND BDAT 0
E: DATA_BEGIN
E: CHUNK 0
S: 250 0\r\n
E: REPLY 250 BDAT 0
E: COMMAND BDAT +PIPELINED 2 LAST
E: CHUNK 2 +LAST
E: DATA ab
E: DATA_END 2
--
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a message of no octets
I: rcpt
C: BDAT 0 LAST\r\n
E: COMMAND BDAT 0 LAST
E: DATA_BEGIN
E: CHUNK 0 +LAST
E: DATA_END 0
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== what follows the LAST chunk waits for its reply
I: rcpt
C: BDAT 2 LAST\r\nabMAIL FROM:<c@x.example>\r\nRCPT TO:<d@y.example>\r\n
E: COMMAND BDAT 2 LAST
E: DATA_BEGIN
E: CHUNK 2 +LAST
E: DATA ab
E: DATA_END 2
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
E: COMMAND MAIL +PIPELINED path=<c@x.example> FROM:<c@x.example>
E: COMMAND RCPT +PIPELINED path=<d@y.example> TO:<d@y.example>
--
S: 250 ok\r\n250 ok\r\n
E: REPLY 250 MAIL ok
E: REPLY 250 RCPT ok

== what follows BDAT 0 LAST waits for its reply
I: rcpt
C: BDAT 2\r\nabBDAT 0 LAST\r\nRSET\r\n
E: COMMAND BDAT 2
E: DATA_BEGIN
E: CHUNK 2
E: DATA ab
S: 250 ok\r\n
E: REPLY 250 BDAT ok
E: COMMAND BDAT +PIPELINED 0 LAST
E: CHUNK 0 +LAST
E: DATA_END 2
--
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
E: COMMAND RSET +PIPELINED
--
S: 250 ok\r\n
E: REPLY 250 RSET ok

== a refused chunk has its octets all the same
I: rcpt
C: BDAT 5\r\nhello
E: COMMAND BDAT 5
E: DATA_BEGIN
E: CHUNK 5
E: DATA hello
S: 552 too big\r\n
E: REPLY 552 BDAT too big
C: RSET\r\n
E: COMMAND RSET
S: 250 ok\r\n
E: REPLY 250 RSET ok

== nothing is read behind a refused chunk but RSET
I: rcpt
C: BDAT 5\r\nhelloBDAT 5\r\nworldBDAT 2 LAST\r\n!!
E: COMMAND BDAT 5
E: DATA_BEGIN
E: CHUNK 5
E: DATA hello
S: 452 full\r\n
E: REPLY 452 BDAT full
E: COMMAND BDAT +STATE,PIPELINED 5
E: DESYNC BDAT_FAILED
Z: stopped client=28 server=0

== a chunk behind a refused command between chunks is out of place
I: rcpt
C: BDAT 5\r\nhello
E: COMMAND BDAT 5
E: DATA_BEGIN
E: CHUNK 5
E: DATA hello
S: 250 ok\r\n
E: REPLY 250 BDAT ok
C: VRFY a\r\n
E: COMMAND VRFY a
S: 503 only BDAT\r\n
E: REPLY 503 VRFY only BDAT
C: BDAT 2 LAST\r\n
E: COMMAND BDAT +STATE 2 LAST
E: DESYNC BDAT_FAILED
Z: stopped client=13 server=0

== a chunk refused before its octets are through, as Exim does
I: ehlo
C: MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nBDAT 10\r\n01234
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
E: COMMAND RCPT +PIPELINED path=<b@y.example> TO:<b@y.example>
E: COMMAND BDAT +PIPELINED 10
E: DATA_BEGIN
E: CHUNK 10
E: DATA 01234
S: 250 ok\r\n550 no\r\n503 valid RCPT needed\r\n
E: REPLY 250 MAIL ok
E: REPLY 550 RCPT no
E: REPLY 503 BDAT valid RCPT needed
C: 56789RSET\r\n
E: DATA 56789
E: COMMAND RSET
S: 250 ok\r\n
E: REPLY 250 RSET ok

== the LAST chunk refused early: the message is over, its rest is passed over
I: rcpt
C: BDAT 10 LAST\r\n01234
E: COMMAND BDAT 10 LAST
E: DATA_BEGIN
E: CHUNK 10 +LAST
E: DATA 01234
S: 552 too big\r\n
E: REPLY 552 MESSAGE too big
C: 56789MAIL FROM:<c@x.example>\r\n
E: COMMAND MAIL path=<c@x.example> FROM:<c@x.example>
S: 250 ok\r\n
E: REPLY 250 MAIL ok

== a chunk accepted before its octets are through
I: rcpt
C: BDAT 10 LAST\r\n01234
E: COMMAND BDAT 10 LAST
E: DATA_BEGIN
E: CHUNK 10 +LAST
E: DATA 01234
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok
E: DESYNC REPLY_IN_DATA
Z: stopped client=0 server=0

== the reply to a chunk is read before the next one
I: rcpt
C: BDAT 2\r\nabBDAT 4 LAST\r\nxy
E: COMMAND BDAT 2
E: DATA_BEGIN
E: CHUNK 2
E: DATA ab
S: 250 ok\r\n
E: REPLY 250 BDAT ok
E: COMMAND BDAT +PIPELINED 4 LAST
E: CHUNK 4 +LAST
E: DATA xy
C: zw
E: DATA zw
E: DATA_END 6
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued

== one reply too many while a chunk flows
I: rcpt
C: BDAT 2\r\nab
E: COMMAND BDAT 2
E: DATA_BEGIN
E: CHUNK 2
E: DATA ab
S: 250 ok\r\n
E: REPLY 250 BDAT ok
C: BDAT 4\r\nxy
E: COMMAND BDAT 4
E: CHUNK 4
E: DATA xy
S: 552 no\r\n250 what\r\n
E: REPLY 552 BDAT no
E: REPLY 250 what
E: DESYNC REPLY_IN_DATA
Z: stopped client=0 server=0

== 354 to BDAT
I: rcpt
C: BDAT 2\r\nab
E: COMMAND BDAT 2
E: DATA_BEGIN
E: CHUNK 2
E: DATA ab
S: 354 go\r\n
E: REPLY 354 BDAT go
E: DESYNC DATA_REPLY
Z: stopped client=0 server=0

== 421 while a chunk flows
I: rcpt
C: BDAT 10 LAST\r\nab
E: COMMAND BDAT 10 LAST
E: DATA_BEGIN
E: CHUNK 10 +LAST
E: DATA ab
S: 421 closing\r\n
E: REPLY 421 MESSAGE closing
Z: message client=0 server=0

== BDAT that was not offered
I: helo
C: MAIL FROM:<a@x.example>\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
S: 250 ok\r\n
E: REPLY 250 MAIL ok
C: RCPT TO:<b@y.example>\r\n
E: COMMAND RCPT path=<b@y.example> TO:<b@y.example>
S: 250 ok\r\n
E: REPLY 250 RCPT ok
C: BDAT 5 LAST\r\nhello
E: COMMAND BDAT +UNOFFERED 5 LAST
E: DESYNC BDAT_UNOFFERED
Z: stopped client=18 server=0

== BDAT before the greeting
C: BDAT 5 LAST\r\nhello
E: COMMAND BDAT +STATE,PIPELINED,UNOFFERED 5 LAST
E: DESYNC BDAT_UNOFFERED
Z: stopped client=18 server=0

== BDAT without MAIL is out of place
I: ehlo
C: BDAT 5 LAST\r\nhello
E: COMMAND BDAT +STATE 5 LAST
E: DATA_BEGIN
E: CHUNK 5 +LAST
E: DATA hello
E: DATA_END 5
S: 503 no\r\n
E: REPLY 503 MESSAGE no

== the largest size that all servers read the same
I: rcpt
C: BDAT 2147483647\r\nabc
E: COMMAND BDAT 2147483647
E: DATA_BEGIN
E: CHUNK 2147483647
E: DATA abc
Z: message client=0 server=0

== 4 GiB and 10 octets, where a 32-bit counter would read 10
I: rcpt
C: BDAT 4294967306\r\n
E: COMMAND BDAT 4294967306
E: DESYNC BDAT_SYNTAX
Z: stopped client=17 server=0

== a size that overflows 64 bits
I: rcpt
C: BDAT 18446744073709551616\r\nabc
E: COMMAND BDAT 18446744073709551616
E: DESYNC BDAT_SYNTAX
Z: stopped client=30 server=0

== a size of a hundred digits
I: rcpt
C: BDAT \{9*100}\r\nabc
E: COMMAND BDAT \{9*100}
E: DESYNC BDAT_SYNTAX
Z: stopped client=110 server=0

== leading zeros, octal to some
I: rcpt
C: BDAT 010 LAST\r\n
E: COMMAND BDAT 010 LAST
E: DESYNC BDAT_SYNTAX
Z: stopped client=15 server=0

== sizes that are no numbers
I: rcpt
C: BDAT -1 LAST\r\nabc
E: COMMAND BDAT -1 LAST
E: DESYNC BDAT_SYNTAX
Z: stopped client=17 server=0

== a size with a plus
I: rcpt
C: BDAT +3 LAST\r\nabc
E: COMMAND BDAT +3 LAST
E: DESYNC BDAT_SYNTAX
Z: stopped client=17 server=0

== a size in hex
I: rcpt
C: BDAT 0x3 LAST\r\nabc
E: COMMAND BDAT 0x3 LAST
E: DESYNC BDAT_SYNTAX
Z: stopped client=18 server=0

== no size
I: rcpt
C: BDAT\r\nabc
E: COMMAND BDAT
E: DESYNC BDAT_SYNTAX
Z: stopped client=9 server=0

== LAST without a size
I: rcpt
C: BDAT LAST\r\nabc
E: COMMAND BDAT LAST
E: DESYNC BDAT_SYNTAX
Z: stopped client=14 server=0

== a word that is not LAST
I: rcpt
C: BDAT 3 LASTLY\r\nabc
E: COMMAND BDAT 3 LASTLY
E: DESYNC BDAT_SYNTAX
Z: stopped client=18 server=0

== a word behind LAST
I: rcpt
C: BDAT 3 LAST now\r\nabc
E: COMMAND BDAT 3 LAST now
E: DESYNC BDAT_SYNTAX
Z: stopped client=20 server=0

== blanks are let pass
I: rcpt
C: BDAT  3\tlast \r\nabc
E: COMMAND BDAT 3\tlast
E: DATA_BEGIN
E: CHUNK 3 +LAST
E: DATA abc
E: DATA_END 3
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a BDAT line by bare LF is not to be trusted
I: rcpt
C: BDAT 3 LAST\nabc
E: COMMAND BDAT +BARE_LF 3 LAST
E: DESYNC BDAT_SYNTAX
Z: stopped client=15 server=0

== nor one with a bare CR
I: rcpt
C: BDAT 3\r LAST\r\nabc
E: COMMAND BDAT +BARE_CR 3\r LAST
E: DESYNC BDAT_SYNTAX
Z: stopped client=17 server=0

== nor one with a NUL
I: rcpt
C: BDAT 3\0 LAST\r\nabc
E: COMMAND BDAT +NUL 3\0 LAST
E: DESYNC BDAT_SYNTAX
Z: stopped client=17 server=0

== nor one with leading blanks
I: rcpt
C:  BDAT 3 LAST\r\nabc
E: COMMAND BDAT +BLANKS 3 LAST
E: DESYNC BDAT_SYNTAX
Z: stopped client=17 server=0

== DATA after BDAT in one transaction
I: rcpt
C: BDAT 3\r\nabc
E: COMMAND BDAT 3
E: DATA_BEGIN
E: CHUNK 3
E: DATA abc
S: 250 ok\r\n
E: REPLY 250 BDAT ok
C: DATA\r\n
E: COMMAND DATA +STATE
E: DESYNC BDAT_SEQUENCE
Z: stopped client=6 server=0

== BDAT after a refused DATA in one transaction
I: rcpt
C: DATA\r\n
E: COMMAND DATA
S: 451 later\r\n
E: REPLY 451 DATA later
C: BDAT 3 LAST\r\nabc
E: COMMAND BDAT +STATE 3 LAST
E: DESYNC BDAT_SEQUENCE
Z: stopped client=16 server=0

== BDAT after DATA, RSET and a new MAIL
I: rcpt
C: DATA\r\n
E: COMMAND DATA
S: 451 later\r\n
E: REPLY 451 DATA later
C: RSET\r\nMAIL FROM:<c@x.example>\r\nRCPT TO:<d@y.example>\r\nBDAT 3 LAST\r\nabc
E: COMMAND RSET
E: COMMAND MAIL +PIPELINED path=<c@x.example> FROM:<c@x.example>
E: COMMAND RCPT +PIPELINED path=<d@y.example> TO:<d@y.example>
E: COMMAND BDAT +PIPELINED 3 LAST
E: DATA_BEGIN
E: CHUNK 3 +LAST
E: DATA abc
E: DATA_END 3
S: 250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n
E: REPLY 250 RSET ok
E: REPLY 250 MAIL ok
E: REPLY 250 RCPT ok
E: REPLY 250 MESSAGE ok

== RSET ends a message by chunks; a new one begins anew
I: rcpt
C: BDAT 3\r\nabc
E: COMMAND BDAT 3
E: DATA_BEGIN
E: CHUNK 3
E: DATA abc
S: 250 ok\r\n
E: REPLY 250 BDAT ok
C: RSET\r\nMAIL FROM:<c@x.example>\r\n
E: COMMAND RSET
S: 250 ok\r\n
E: REPLY 250 RSET ok
E: COMMAND MAIL +PIPELINED path=<c@x.example> FROM:<c@x.example>
--
S: 250 ok\r\n
E: REPLY 250 MAIL ok
C: RCPT TO:<d@y.example>\r\nBDAT 2 LAST\r\nde
E: COMMAND RCPT path=<d@y.example> TO:<d@y.example>
E: COMMAND BDAT +PIPELINED 2 LAST
E: DATA_BEGIN
E: CHUNK 2 +LAST
E: DATA de
E: DATA_END 2
S: 250 ok\r\n250 ok\r\n
E: REPLY 250 RCPT ok
E: REPLY 250 MESSAGE ok

== MAIL within an open message by chunks waits for its reply; refused, the chunks are over
I: rcpt
C: BDAT 3\r\nabcMAIL FROM:<c@x.example>\r\nBDAT 2 LAST\r\n
E: COMMAND BDAT 3
E: DATA_BEGIN
E: CHUNK 3
E: DATA abc
S: 250 ok\r\n
E: REPLY 250 BDAT ok
E: COMMAND MAIL +STATE,PIPELINED path=<c@x.example> FROM:<c@x.example>
--
S: 503 nested\r\n
E: REPLY 503 MAIL nested
E: COMMAND BDAT +STATE,PIPELINED 2 LAST
E: DESYNC BDAT_FAILED
Z: stopped client=13 server=0

== NOOP within an open message by chunks waits, too
I: rcpt
C: BDAT 3\r\nabcNOOP\r\nBDAT 0 LAST\r\n
E: COMMAND BDAT 3
E: DATA_BEGIN
E: CHUNK 3
E: DATA abc
S: 250 ok\r\n
E: REPLY 250 BDAT ok
E: COMMAND NOOP +PIPELINED
--
S: 250 ok\r\n
E: REPLY 250 NOOP ok
E: COMMAND BDAT +PIPELINED 0 LAST
E: CHUNK 0 +LAST
E: DATA_END 3
--
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued

== a message by DATA after one by BDAT
I: rcpt
C: BDAT 3 LAST\r\nabc
E: COMMAND BDAT 3 LAST
E: DATA_BEGIN
E: CHUNK 3 +LAST
E: DATA abc
E: DATA_END 3
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok
C: MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
E: COMMAND RCPT +PIPELINED path=<b@y.example> TO:<b@y.example>
E: COMMAND DATA +PIPELINED
S: 250 ok\r\n250 ok\r\n354 go\r\n
E: REPLY 250 MAIL ok
E: REPLY 250 RCPT ok
E: REPLY 354 DATA go
E: DATA_BEGIN
C: x\r\n.\r\n
E: DATA x\r\n
E: DATA_END 3
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== CHUNKING is gone after a second EHLO
I: ehlo
C: EHLO client.example\r\n
E: COMMAND EHLO client.example
S: 250-mx.example\r\n250 SIZE\r\n
E: REPLY_LINE 250 EHLO mx.example
E: KEYWORD 250 SIZE
E: REPLY 250 EHLO SIZE
C: BDAT 3 LAST\r\nabc
E: COMMAND BDAT +STATE,UNOFFERED 3 LAST
E: DESYNC BDAT_UNOFFERED
Z: stopped client=16 server=0

== MAIL accepted within an open message by chunks begins a new one
I: rcpt
C: BDAT 3\r\nabc
E: COMMAND BDAT 3
E: DATA_BEGIN
E: CHUNK 3
E: DATA abc
S: 250 ok\r\n
E: REPLY 250 BDAT ok
C: MAIL FROM:<c@x.example>\r\nRCPT TO:<d@y.example>\r\nBDAT 2 LAST\r\nde
E: COMMAND MAIL +STATE path=<c@x.example> FROM:<c@x.example>
S: 250 ok\r\n
E: REPLY 250 MAIL ok
E: COMMAND RCPT +PIPELINED path=<d@y.example> TO:<d@y.example>
E: COMMAND BDAT +PIPELINED 2 LAST
E: DATA_BEGIN
E: CHUNK 2 +LAST
E: DATA de
E: DATA_END 2
--
S: 250 ok\r\n250 ok\r\n
E: REPLY 250 RCPT ok
E: REPLY 250 MESSAGE ok

== a message refused early leaves the next one whole
I: rcpt
C: BDAT 10 LAST\r\n01234
E: COMMAND BDAT 10 LAST
E: DATA_BEGIN
E: CHUNK 10 +LAST
E: DATA 01234
S: 552 too big\r\n
E: REPLY 552 MESSAGE too big
C: 56789MAIL FROM:<c@x.example>\r\nRCPT TO:<d@y.example>\r\nBDAT 2\r\nabBDAT 2 LAST\r\ncd
E: COMMAND MAIL path=<c@x.example> FROM:<c@x.example>
E: COMMAND RCPT +PIPELINED path=<d@y.example> TO:<d@y.example>
E: COMMAND BDAT +PIPELINED 2
E: DATA_BEGIN
E: CHUNK 2
E: DATA ab
S: 250 ok\r\n250 ok\r\n250 ok\r\n
E: REPLY 250 MAIL ok
E: REPLY 250 RCPT ok
E: REPLY 250 BDAT ok
E: COMMAND BDAT +PIPELINED 2 LAST
E: CHUNK 2 +LAST
E: DATA cd
E: DATA_END 4
--
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
