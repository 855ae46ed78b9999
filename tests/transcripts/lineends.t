# Where lines and messages end (docs/architecture.md, Gates), and what smuggling tries.

== the strict end at the start of data
I: data
C: .\r\n
E: DATA_END 0
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== the strict end behind CRLF
I: data
C: a\r\n.\r\n
E: DATA a\r\n
E: DATA_END 3
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== the strict end cut by a reader's eye: CRLF . CRLF in five deliveries
I: data
C: a\r
E: DATA a\r
C: \n
E: DATA \n
C: .
--
C: \r
--
C: \n
E: DATA_END 3
Z: gated client=0 server=0

== stuffed dots are taken out
I: data
C: ..\r\n...a\r\n.b\r\na.\r\n.\r\n
E: DATA .\r\n..a\r\nb\r\na.\r\n
E: DATA_END 15
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a dot behind a bare LF is not stuffed
I: data
C: a\n.b\n..\nc\r\n.\r\n
E: DATA a\n.b\n..\nc\r\n
E: DATA_END 11
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a dot alone at the end of a delivery ends nothing
I: data
C: a\r\n.
E: DATA a\r\n
C: b\r\n
E: DATA b\r\n
Z: message client=0 server=0

== a dot alone inside a line at the edge of a delivery ends nothing
I: data
C: a
E: DATA a
C: .
E: DATA .
--
C: \r\nb\r\n.\r\n
E: DATA \r\nb\r\n
E: DATA_END 7
Z: gated client=0 server=0

== a CR behind a dot waits for what follows it
I: data
C: a\r\n.\r
E: DATA a\r\n
Z: message client=1 server=0

== a CR behind a dot, then no LF: possible, told before the next byte is read
I: data
C: a\r\n.\r
E: DATA a\r\n
C: b\r\n.\r\n
E: DATA \r
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 7
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== LF . LF
I: data
C: a\n.\nb\r\n.\r\n
E: DATA a\n.\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 7
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== LF . CR
I: data
C: a\n.\rb\r\n.\r\n
E: DATA a\n.\r
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 7
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== CR . LF
I: data
C: a\r.\nb\r\n.\r\n
E: DATA a\r.\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 7
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== CR . CR
I: data
C: a\r.\rb\r\n.\r\n
E: DATA a\r.\r
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 7
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== LF . CRLF
I: data
C: a\n.\r\nb\r\n.\r\n
E: DATA a\n.\r\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 8
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== CR . CRLF
I: data
C: a\r.\r\nb\r\n.\r\n
E: DATA a\r.\r\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 8
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== CRLF . LF
I: data
C: a\r\n.\nb\r\n.\r\n
E: DATA a\r\n\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 7
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== CRLF . CR
I: data
C: a\r\n.\rb\r\n.\r\n
E: DATA a\r\n\r
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 7
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== CRLF NUL . CRLF
I: data
C: a\r\n\0.\r\nb\r\n.\r\n
E: DATA a\r\n\0.\r\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 10
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== CRLF . NUL CRLF
I: data
C: a\r\n.\0\r\nb\r\n.\r\n
E: DATA a\r\n\0\r\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 9
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== CRLF . NUL and text CRLF
I: data
C: a\r\n.\0text\r\nb\r\n.\r\n
E: DATA a\r\n\0text\r\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 13
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== CRLF . NUL with bare CR and LF in it: each line end may be the end
I: data
C: a\r\n.\0x\ry\nz\r\nb\r\n.\r\n
E: DATA a\r\n\0x\r
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN +BARE_LF y\n
E: POSSIBLE_END 2
E: DATA_LINE UNKNOWN z\r\n
E: POSSIBLE_END 3
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 14
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== CRLF . CR CRLF
I: data
C: a\r\n.\r\r\nb\r\n.\r\n
E: DATA a\r\n\r\r\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 9
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== CR CRLF . CR CRLF
I: data
C: a\r\r\n.\r\r\nb\r\n.\r\n
E: DATA a\r\r\n\r\r\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 10
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== CRLF CR . CRLF
I: data
C: a\r\n\r.\r\nb\r\n.\r\n
E: DATA a\r\n\r.\r\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 10
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== CRLF LF . CRLF
I: data
C: a\r\n\n.\r\nb\r\n.\r\n
E: DATA a\r\n\n.\r\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 10
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== NULs, a dot and LF at the start of data
I: data
C: \0\0.\nb\r\n.\r\n
E: DATA \0\0.\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 7
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a dot and LF at the start of data
I: data
C: .\nb\r\n.\r\n
E: DATA \n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 4
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a dot and a blank is no end
I: data
C: a\r\n. \r\nb\n. \n.\t\r\n.\r\n
E: DATA a\r\n \r\nb\n. \n.\t\r\n
E: DATA_END 15
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== two dots are no end
I: data
C: a\n..\nb\r..\r\n.\r\n
E: DATA a\n..\nb\r..\r\n
E: DATA_END 11
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a bare LF alone is nothing
I: data
C: a\nb\n\n\rc\r\r\n\r\n.\r\n
E: DATA a\nb\n\n\rc\r\r\n\r\n
E: DATA_END 12
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== the strict end straight behind a possible one
I: data
C: a\n.\n.\r\n\r\n.\r\n
E: DATA a\n.\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN .\r\n
E: POSSIBLE_END 2
E: DATA_LINE UNKNOWN \r\n
E: DATA_END 9
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a possible end counts as one up to its CRLF, and a strict end may follow
I: data
C: a\n.\r\n.\r\n
E: DATA a\n.\r\n
E: POSSIBLE_END 1
E: DATA_END 5
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== five possible ends
I: data
C: a\n.\nb\n.\nc\n.\nd\n.\ne\n.\nf\r\n.\r\n
E: DATA a\n.\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN +BARE_LF b\n
E: DATA_LINE UNKNOWN +BARE_LF .\n
E: POSSIBLE_END 2
E: DATA_LINE UNKNOWN +BARE_LF c\n
E: DATA_LINE UNKNOWN +BARE_LF .\n
E: POSSIBLE_END 3
E: DATA_LINE UNKNOWN +BARE_LF d\n
E: DATA_LINE UNKNOWN +BARE_LF .\n
E: POSSIBLE_END 4
E: DATA_LINE UNKNOWN +BARE_LF e\n
E: DATA_LINE UNKNOWN +BARE_LF .\n
E: POSSIBLE_END 5
E: DATA_LINE UNKNOWN f\r\n
E: DATA_END 23
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a smuggled transaction behind LF . CRLF is told as what it would be
I: data
C: a\n.\r\nMAIL FROM:<evil@x.example>\r\nRCPT TO:<victim@y.example>\r\nDATA\r\nspam\r\n.\r\n
E: DATA a\n.\r\n
E: POSSIBLE_END 1
E: DATA_LINE MAIL MAIL FROM:<evil@x.example>\r\n
E: DATA_LINE RCPT RCPT TO:<victim@y.example>\r\n
E: DATA_LINE DATA DATA\r\n
E: DATA_LINE UNKNOWN spam\r\n
E: DATA_END 73
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== all verbs that begin something are told
I: data
C: \n.\nEHLO x\r\nHELO x\r\nBDAT 5\r\nRSET\r\nAUTH PLAIN x\r\nSTARTTLS\r\nXCLIENT x\r\nQUIT\r\nNOOP\r\nmail\r\n.\r\n
E: DATA \n.\n
E: POSSIBLE_END 1
E: DATA_LINE EHLO EHLO x\r\n
E: DATA_LINE HELO HELO x\r\n
E: DATA_LINE BDAT BDAT 5\r\n
E: DATA_LINE RSET RSET\r\n
E: DATA_LINE AUTH AUTH PLAIN x\r\n
E: DATA_LINE STARTTLS STARTTLS\r\n
E: DATA_LINE XCLIENT XCLIENT x\r\n
E: DATA_LINE QUIT QUIT\r\n
E: DATA_LINE NOOP NOOP\r\n
E: DATA_LINE MAIL mail\r\n
E: DATA_END 86
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a smuggled command behind blanks, controls or NULs
I: data
C: \n.\n  MAIL FROM:<x>\r\n\t\x0bDATA\r\n\0RSET\r\n.\r\n
E: DATA \n.\n
E: POSSIBLE_END 1
E: DATA_LINE MAIL +BLANKS   MAIL FROM:<x>\r\n
E: DATA_LINE DATA +BLANKS \t\x0bDATA\r\n
E: DATA_LINE RSET +NUL \0RSET\r\n
E: DATA_END 35
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a smuggled command behind a bare CR
I: data
C: \r.\rMAIL FROM:<x>\rDATA\r\n.\r\n
E: DATA \r.\r
E: POSSIBLE_END 1
E: DATA_LINE MAIL +BARE_CR MAIL FROM:<x>\r
E: DATA_LINE DATA DATA\r\n
E: DATA_END 23
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== words that only begin like verbs
I: data
C: \n.\nMAILBOX\r\nDATABASE x\r\nSTARTTLSX\r\nEHL\r\n.MAIL\r\n\r\n.\r\n
E: DATA \n.\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN MAILBOX\r\n
E: DATA_LINE UNKNOWN DATABASE x\r\n
E: DATA_LINE UNKNOWN STARTTLSX\r\n
E: DATA_LINE UNKNOWN EHL\r\n
E: DATA_LINE UNKNOWN MAIL\r\n
E: DATA_LINE UNKNOWN \r\n
E: DATA_END 48
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== lines behind a possible end are read whole only
I: data
C: a\n.\nMAIL FR
E: DATA a\n.\n
E: POSSIBLE_END 1
Z: message client=7 server=0

== a bare CR behind a possible end waits for what follows it
I: data
C: a\n.\nx\r
E: DATA a\n.\n
E: POSSIBLE_END 1
Z: message client=2 server=0

== stuffed dots behind a possible end
I: data
C: a\n.\r\n..b\r\n.MAIL\r\nc\n.d\r\n.\r\n
E: DATA a\n.\r\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN .b\r\n
E: DATA_LINE UNKNOWN MAIL\r\n
E: DATA_LINE UNKNOWN +BARE_LF c\n
E: DATA_LINE UNKNOWN .d\r\n
E: DATA_END 21
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a long line behind a possible end is judged by its first bytes
I: data
C: a\n.\nMAIL FROM:<x>\{y*4090}\r\nb\r\n.\r\n
E: DATA a\n.\n
E: POSSIBLE_END 1
E: DATA_LINE MAIL MAIL FROM:<x>\{y*4083}
E: DATA yyyyyyy\r\n
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 4112
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a line of 4096 bytes and its end
I: data
C: a\n.\n\{y*4096}\r\nb\r\n.\r\n
E: DATA a\n.\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN \{y*4096}
E: DATA \r\n
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 4105
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a line of 4095 bytes is a line
I: data
C: a\n.\n\{y*4095}\r\nb\r\n.\r\n
E: DATA a\n.\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN \{y*4095}\r\n
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 4104
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a long NUL line behind a possible end still may end the message
I: data
C: a\n.\n.\0\{y*4100}\nb\r\n.\r\n
E: DATA a\n.\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN +NUL .\0\{y*4094}
E: DATA yyyyyy\n
E: POSSIBLE_END 2
E: DATA_LINE UNKNOWN b\r\n
E: POSSIBLE_END 3
E: DATA_END 4110
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a server answers at the possible end: commands follow
I: data
C: a\n.\n
E: DATA a\n.\n
E: POSSIBLE_END 1
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
C: MAIL FROM:<c@x.example>\r\n
E: COMMAND MAIL path=<c@x.example> FROM:<c@x.example>
S: 250 ok\r\n
E: REPLY 250 MAIL ok

== a server refuses at the possible end: commands follow
I: data
C: a\r\n.\n
E: DATA a\r\n\n
E: POSSIBLE_END 1
S: 550 no\r\n
E: REPLY 550 MESSAGE no
C: QUIT\r\n
E: COMMAND QUIT
S: 221 bye\r\n
E: REPLY 221 QUIT bye

== a server answers at the possible end, QUIT was on its way
I: data
C: a\n.\nQUIT\n
E: DATA a\n.\n
E: POSSIBLE_END 1
E: DATA_LINE QUIT +BARE_LF QUIT\n
S: 250 queued\r\n221 bye\r\n
E: REPLY 250 MESSAGE queued
E: REPLY 221 QUIT bye

== a server answers at the possible end, several lines were on their way
I: data
C: a\n.\r\nhello\r\nNOOP\r\nQUIT\r\n
E: DATA a\n.\r\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN hello\r\n
E: DATA_LINE NOOP NOOP\r\n
E: DATA_LINE QUIT QUIT\r\n
S: 250 queued\r\n500 what\r\n250 ok\r\n221 bye\r\n
E: REPLY 250 MESSAGE queued
E: REPLY 500 UNKNOWN what
E: REPLY 250 NOOP ok
E: REPLY 221 QUIT bye

== what waits half read at a possible end becomes a command
I: data
C: a\n.\nQU
E: DATA a\n.\n
E: POSSIBLE_END 1
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
C: IT\r\n
E: COMMAND QUIT
S: 221 bye\r\n
E: REPLY 221 QUIT bye

== a reply behind two possible ends can't be placed
I: data
C: a\n.\nb\n.\n
E: DATA a\n.\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN +BARE_LF b\n
E: DATA_LINE UNKNOWN +BARE_LF .\n
E: POSSIBLE_END 2
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
E: DESYNC REPLY_IN_DATA
Z: stopped client=0 server=0

== a reply behind a possible end and a bare CR can't be placed
I: data
C: a\n.\nb\rc\n
E: DATA a\n.\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN +BARE_CR b\r
E: DATA_LINE UNKNOWN +BARE_LF c\n
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
E: DESYNC REPLY_IN_DATA
Z: stopped client=0 server=0

== a reply behind a possible end and two bare CRs can't be placed
I: data
C: a\n.\nb\r\rc\n
E: DATA a\n.\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN +BARE_CR b\r\r
E: DATA_LINE UNKNOWN +BARE_LF c\n
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
E: DESYNC REPLY_IN_DATA
Z: stopped client=0 server=0

== a reply behind a possible end and a long line can't be placed
I: data
C: a\n.\n\{y*4096}
E: DATA a\n.\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN \{y*4096}
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
E: DESYNC REPLY_IN_DATA
Z: stopped client=0 server=0

== a reply behind a possible end and more lines than may wait can't be placed
I: data
C: a\n.\n\{x\n*33}
E: DATA a\n.\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
E: DESYNC REPLY_IN_DATA
Z: stopped client=0 server=0

== thirty-two lines behind a possible end can still be placed
I: data
C: a\n.\n\{x\n*32}
E: DATA a\n.\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_LF x\n
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
Z: gated client=0 server=0

== a 354 behind a possible end
I: data
C: a\n.\n
E: DATA a\n.\n
E: POSSIBLE_END 1
S: 354 go\r\n
E: REPLY 354 MESSAGE go
E: DESYNC REPLY_IN_DATA
Z: stopped client=0 server=0

== 421 behind a possible end
I: data
C: a\n.\n
E: DATA a\n.\n
E: POSSIBLE_END 1
S: 421 closing\r\n
E: REPLY 421 closing
Z: message client=0 server=0

== a reply that began in data and ended behind the strict end
I: data
C: a\r\n
E: DATA a\r\n
S: 552-too\r\n
E: REPLY_LINE 552 MESSAGE too
C: b\r\n.\r\n
E: DATA b\r\n
E: DATA_END 6
S: 552 much\r\n
E: REPLY 552 MESSAGE much
E: DESYNC REPLY_IN_DATA
Z: stopped client=0 server=0

== a whole session with bare LF and a server that takes it
S: 220 mx.example\r\n
E: REPLY 220 mx.example
C: HELO client.example\n
E: COMMAND HELO +BARE_LF client.example
S: 250 mx.example\r\n
E: REPLY 250 HELO mx.example
C: MAIL FROM:<a@x.example>\n
E: COMMAND MAIL +BARE_LF path=<a@x.example> FROM:<a@x.example>
S: 250 ok\r\n
E: REPLY 250 MAIL ok
C: RCPT TO:<b@y.example>\n
E: COMMAND RCPT +BARE_LF path=<b@y.example> TO:<b@y.example>
S: 250 ok\r\n
E: REPLY 250 RCPT ok
C: DATA\n
E: COMMAND DATA +BARE_LF
S: 354 go\r\n
E: REPLY 354 DATA go
E: DATA_BEGIN
C: Subject: x\n\nhello\n.\n
E: DATA Subject: x\n\nhello\n.\n
E: POSSIBLE_END 1
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
C: MAIL FROM:<a@x.example>\n
E: COMMAND MAIL +BARE_LF path=<a@x.example> FROM:<a@x.example>
S: 250 ok\r\n
E: REPLY 250 MAIL ok
C: RCPT TO:<b@y.example>\n
E: COMMAND RCPT +BARE_LF path=<b@y.example> TO:<b@y.example>
S: 250 ok\r\n
E: REPLY 250 RCPT ok
C: DATA\n
E: COMMAND DATA +BARE_LF
S: 354 go\r\n
E: REPLY 354 DATA go
E: DATA_BEGIN
C: two\n.\n
E: DATA two\n.\n
E: POSSIBLE_END 1
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
C: QUIT\n
E: COMMAND QUIT +BARE_LF
S: 221 bye\r\n
E: REPLY 221 QUIT bye

== a whole session with bare LF, pipelined: each line waits for its reply
I: ehlo
C: MAIL FROM:<a@x.example>\nRCPT TO:<b@y.example>\nDATA\n
E: COMMAND MAIL +BARE_LF path=<a@x.example> FROM:<a@x.example>
S: 250 ok\r\n
E: REPLY 250 MAIL ok
E: COMMAND RCPT +BARE_LF,PIPELINED path=<b@y.example> TO:<b@y.example>
--
S: 250 ok\r\n
E: REPLY 250 RCPT ok
E: COMMAND DATA +BARE_LF,PIPELINED
--
S: 354 go\r\n
E: REPLY 354 DATA go
E: DATA_BEGIN
Z: message client=0 server=0

== a command line with a bare CR waits for its reply
I: ehlo
C: RSET\rMAIL FROM:<x>\r\nRSET\r\n
E: COMMAND RSET +BARE_CR,SYNTAX \rMAIL FROM:<x>
S: 250 ok\r\n
E: REPLY 250 RSET ok
E: COMMAND RSET +PIPELINED
--
S: 250 ok\r\n
E: REPLY 250 RSET ok

== a command line that ends CR CR LF has a bare CR
I: ehlo
C: RSET\r\r\nRSET\r\n
E: COMMAND RSET +BARE_CR,SYNTAX \r
S: 250 ok\r\n
E: REPLY 250 RSET ok
E: COMMAND RSET +PIPELINED
--
S: 250 ok\r\n
E: REPLY 250 RSET ok

== a command line with a NUL waits for its reply
I: ehlo
C: RSET\0\r\nRSET\r\n
E: COMMAND RSET +NUL
S: 250 ok\r\n
E: REPLY 250 RSET ok
E: COMMAND RSET +PIPELINED
--
S: 250 ok\r\n
E: REPLY 250 RSET ok

== a command line with leading blanks waits for its reply
I: ehlo
C:  RSET\r\n\tRSET\r\nRSET\r\n
E: COMMAND RSET +BLANKS
S: 250 ok\r\n
E: REPLY 250 RSET ok
E: COMMAND RSET +BLANKS,PIPELINED
--
S: 250 ok\r\n
E: REPLY 250 RSET ok
E: COMMAND RSET +PIPELINED
--
S: 250 ok\r\n
E: REPLY 250 RSET ok

== DATA hidden behind a bare CR is no DATA; a 354 to it stops us
I: rcpt
C: NOOP\rDATA\r\nMAIL FROM:<evil@x.example>\r\n
E: COMMAND NOOP +BARE_CR \rDATA
S: 250 ok\r\n
E: REPLY 250 NOOP ok
E: COMMAND MAIL +STATE,PIPELINED path=<evil@x.example> FROM:<evil@x.example>
--
S: 354 go\r\n
E: REPLY 354 MAIL go
E: DESYNC DATA_REPLY
Z: stopped client=0 server=0

== DATA cut off by a NUL is DATA if the server says so
I: rcpt
C: DATA\0x\r\nhello\r\n.\r\n
E: COMMAND DATA +NUL,SYNTAX x
S: 354 go\r\n
E: REPLY 354 DATA go
E: DATA_BEGIN
E: DATA hello\r\n
E: DATA_END 7
--
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued

== an empty command line waits for its reply
I: ehlo
C: \r\nRSET\r\n
E: COMMAND UNKNOWN
S: 500 what\r\n
E: REPLY 500 UNKNOWN what
E: COMMAND RSET +PIPELINED
--
S: 250 ok\r\n
E: REPLY 250 RSET ok

== a command in pieces is read when it is whole
I: ehlo
C: MA
--
C: IL FROM:<a@x.ex
--
C: ample>\r
Z: open client=24 server=0

== 8-bit bytes in a command are marked
I: ehlo
C: VRFY \xe9\r\n
E: COMMAND VRFY +8BIT \xe9
S: 252 maybe\r\n
E: REPLY 252 VRFY maybe
C: \xff\xfe\r\n
E: COMMAND UNKNOWN +8BIT
S: 500 what\r\n
E: REPLY 500 UNKNOWN what

== a strict end behind the longest run of CRs and LF
I: data
C: a\n.\{\r*64}\n.\r\n
E: DATA a\n.\{\r*64}
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN +BARE_LF \n
E: DATA_END 68
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a reply behind a possible end and a long line that has ended can't be placed
I: data
C: a\n.\n\{y*4096}\n
E: DATA a\n.\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN \{y*4096}
E: DATA \n
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
E: DESYNC REPLY_IN_DATA
Z: stopped client=0 server=0

== lines that were on their way hold back the next command until they are answered
I: data
C: a\n.\nhello\n
E: DATA a\n.\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN +BARE_LF hello\n
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
C: RSET\r\n
S: 500 what\r\n
E: REPLY 500 UNKNOWN what
E: COMMAND RSET +PIPELINED
--
S: 250 ok\r\n
E: REPLY 250 RSET ok

== what a possible end left behind does not reach the next message
I: data
C: a\n.\nx\ny\rz\r\n.\r\n
E: DATA a\n.\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN +BARE_LF x\n
E: DATA_LINE UNKNOWN +BARE_CR y\r
E: DATA_LINE UNKNOWN z\r\n
E: DATA_END 11
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
C: MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
E: COMMAND RCPT +PIPELINED path=<b@y.example> TO:<b@y.example>
E: COMMAND DATA +PIPELINED
S: 250 ok\r\n250 ok\r\n354 go\r\n
E: REPLY 250 MAIL ok
E: REPLY 250 RCPT ok
E: REPLY 354 DATA go
E: DATA_BEGIN
C: b\n.\nQUIT\n
E: DATA b\n.\n
E: POSSIBLE_END 1
E: DATA_LINE QUIT +BARE_LF QUIT\n
S: 250 queued\r\n221 bye\r\n
E: REPLY 250 MESSAGE queued
E: REPLY 221 QUIT bye

== a line behind a possible end that ends in the longest run of CRs
I: data
C: a\n.\nb\{\r*64}\nc\r\n.\r\n
E: DATA a\n.\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN +BARE_CR b\{\r*64}
E: DATA_LINE UNKNOWN +BARE_LF \n
E: DATA_LINE UNKNOWN c\r\n
E: DATA_END 73
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a stuffed dot at the head of a line too long to be a command
I: data
C: x\n.\r\n.\{y*5000}\r\n.\r\n
E: DATA x\n.\r\n
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN \{y*4095}
E: DATA \{y*905}\r\n
E: DATA_END 5007
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a reply at a possible end is final from 200 to 299 and from 400 on
I: data
C: a\n.\n
E: DATA a\n.\n
E: POSSIBLE_END 1
S: 299 odd\r\n
E: REPLY 299 MESSAGE odd

== a reply at a possible end that asks for more is none
I: data
C: a\n.\n
E: DATA a\n.\n
E: POSSIBLE_END 1
S: 300 odd\r\n
E: REPLY 300 MESSAGE odd
E: DESYNC REPLY_IN_DATA
Z: stopped client=0 server=0
