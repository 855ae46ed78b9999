# The server's side.

== a greeting of several lines
S: 220-mx.example ESMTP\r\n220-no spam\r\n220 please\r\n
E: REPLY_LINE 220 mx.example ESMTP
E: REPLY_LINE 220 no spam
E: REPLY 220 please

== a greeting without text
S: 220\r\n
E: REPLY 220

== a masked greeting of a firewall
S: 220 **************************0*\r\n
E: REPLY 220 \{**26}0*

== a 554 greeting
S: 554 no SMTP here\r\n
E: REPLY 554 no SMTP here
C: QUIT\r\n
E: COMMAND QUIT
S: 221 bye\r\n
E: REPLY 221 QUIT bye

== a 421 greeting
S: 421 too busy\r\n
E: REPLY 421 too busy

== a 521 greeting (RFC 7504)
S: 521 does not accept mail\r\n
E: REPLY 521 does not accept mail
C: QUIT\r\n
E: COMMAND QUIT
S: 221 bye\r\n
E: REPLY 221 QUIT bye

== a 354 greeting is no greeting
S: 354 go on\r\n
E: REPLY 354 go on
E: DESYNC REPLY_UNEXPECTED
Z: stopped client=0 server=0

== codes without text, with a tab, with a blank only
I: helo
C: NOOP\r\n
E: COMMAND NOOP
S: 250\r\n
E: REPLY 250 NOOP
C: NOOP\r\n
E: COMMAND NOOP
S: 250\tok\r\n
E: REPLY 250 NOOP ok
C: NOOP\r\n
E: COMMAND NOOP
S: 250 \r\n
E: REPLY 250 NOOP
C: NOOP\r\n
E: COMMAND NOOP
S: 250-\r\n250\r\n
E: REPLY_LINE 250 NOOP
E: REPLY 250 NOOP

== bare LF ends reply lines too
S: 220 mx.example\n
E: REPLY 220 +BARE_LF mx.example
C: EHLO client.example\r\n
E: COMMAND EHLO client.example
S: 250-mx.example\n250-SIZE\n250 8BITMIME\r\n
E: REPLY_LINE 250 EHLO +BARE_LF mx.example
E: KEYWORD 250 +BARE_LF SIZE
E: REPLY_LINE 250 EHLO +BARE_LF SIZE
E: KEYWORD 250 8BITMIME
E: REPLY 250 EHLO 8BITMIME

== codes that differ within a reply
I: helo
C: NOOP\r\n
E: COMMAND NOOP
S: 250-one\r\n251 two\r\n
E: REPLY_LINE 250 NOOP one
E: DESYNC REPLY_SYNTAX
Z: stopped client=0 server=9

== a line without a code inside a reply
I: helo
C: HELP\r\n
E: COMMAND HELP
S: 214-one\r\n two\r\n
E: REPLY_LINE 214 HELP one
E: DESYNC REPLY_SYNTAX
Z: stopped client=0 server=6

== garbage for a greeting
S: SSH-2.0-OpenSSH_9.2\r\n
E: DESYNC REPLY_SYNTAX
Z: stopped client=0 server=21

== a TLS record for a greeting
S: \x15\x03\x01\0\x02\x02\x0a
E: DESYNC REPLY_SYNTAX
Z: stopped client=0 server=7

== an empty line for a greeting
S: \r\n
E: DESYNC REPLY_SYNTAX
Z: stopped client=0 server=2

== a code of two digits
S: 22 mx\r\n
E: DESYNC REPLY_SYNTAX
Z: stopped client=0 server=7

== a code with a letter behind it
S: 220x mx\r\n
E: DESYNC REPLY_SYNTAX
Z: stopped client=0 server=9

== a code below 200 is none
I: helo
C: NOOP\r\n
E: COMMAND NOOP
S: 199 x\r\n
E: DESYNC REPLY_SYNTAX
Z: stopped client=0 server=7

== a code from 600 on is none
I: helo
C: NOOP\r\n
E: COMMAND NOOP
S: 600 x\r\n
E: DESYNC REPLY_SYNTAX
Z: stopped client=0 server=7

== NUL and 8-bit bytes in a reply's text
I: helo
C: NOOP\r\n
E: COMMAND NOOP
S: 250 a\0b\xff\r\n
E: REPLY 250 NOOP +NUL a\0b\xff

== a bare CR in a reply does not end its line
I: helo
C: NOOP\r\n
E: COMMAND NOOP
S: 250 ok\r250 more\r\n
E: REPLY 250 NOOP +BARE_CR ok\r250 more

== a reply nobody asked for
I: helo
S: 250 ok\r\n
E: REPLY 250 ok
E: DESYNC REPLY_UNEXPECTED
Z: stopped client=0 server=0

== a second reply to one command
I: helo
C: NOOP\r\n
E: COMMAND NOOP
S: 250 ok\r\n250 again\r\n
E: REPLY 250 NOOP ok
E: REPLY 250 again
E: DESYNC REPLY_UNEXPECTED
Z: stopped client=0 server=0

== a reply begun before the command was sent does not answer it
I: helo
S: 250-early\r\n
E: REPLY_LINE 250 early
C: NOOP\r\n
E: COMMAND NOOP
S: 250 ok\r\n
E: REPLY 250 ok
E: DESYNC REPLY_UNEXPECTED
Z: stopped client=0 server=0

== 421 may come at any time
I: helo
S: 421 4.4.2 timeout\r\n
E: REPLY 421 4.4.2 timeout

== 421 of several lines
I: helo
S: 421-4.4.2\r\n421 timeout\r\n
E: REPLY_LINE 421 4.4.2
E: REPLY 421 timeout

== 421 answers the oldest command
I: ehlo
C: MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
E: COMMAND RCPT +PIPELINED path=<b@y.example> TO:<b@y.example>
S: 421 closing\r\n
E: REPLY 421 MAIL closing

== 421 while DATA flows
I: data
C: some text
E: DATA some text
S: 421 closing\r\n
E: REPLY 421 closing
C: , more\r\n.\r\n
E: DATA , more\r\n
E: DATA_END 17
Z: gated client=0 server=0

== 421 for the message
I: data
C: x\r\n.\r\n
E: DATA x\r\n
E: DATA_END 3
S: 421 4.3.2 shutting down\r\n
E: REPLY 421 MESSAGE 4.3.2 shutting down

== 421 to EHLO
I: greeted
C: EHLO client.example\r\n
E: COMMAND EHLO client.example
S: 421 closing\r\n
E: REPLY 421 EHLO closing

== 421 to DATA
I: rcpt
C: DATA\r\n
E: COMMAND DATA
S: 421 closing\r\n
E: REPLY 421 DATA closing

== 250 to DATA
I: rcpt
C: DATA\r\n
E: COMMAND DATA
S: 250 ok\r\n
E: REPLY 250 DATA ok
E: DESYNC DATA_REPLY
Z: stopped client=0 server=0

== 334 to DATA
I: rcpt
C: DATA\r\n
E: COMMAND DATA
S: 334 go\r\n
E: REPLY 334 DATA
E: DESYNC DATA_REPLY
Z: stopped client=0 server=0

== 354 to something else
I: helo
C: NOOP\r\n
E: COMMAND NOOP
S: 354 go\r\n
E: REPLY 354 NOOP go
E: DESYNC DATA_REPLY
Z: stopped client=0 server=0

== 399 to something else
I: helo
C: NOOP\r\n
E: COMMAND NOOP
S: 399 go\r\n
E: REPLY 399 NOOP go
E: DESYNC DATA_REPLY
Z: stopped client=0 server=0

== 354 to RCPT though DATA is pipelined
I: ehlo
C: MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
E: COMMAND RCPT +PIPELINED path=<b@y.example> TO:<b@y.example>
E: COMMAND DATA +PIPELINED
S: 250 ok\r\n354 go\r\n
E: REPLY 250 MAIL ok
E: REPLY 354 RCPT go
E: DESYNC DATA_REPLY
Z: stopped client=0 server=0

== 354 with no command
I: helo
S: 354 go\r\n
E: REPLY 354 go
E: DESYNC REPLY_UNEXPECTED
Z: stopped client=0 server=0

== 354 of several lines: data begins at the last one
I: rcpt
C: DATA\r\n
E: COMMAND DATA
S: 354-send\r\n
E: REPLY_LINE 354 DATA send
--
S: 354 go\r\n
E: REPLY 354 DATA go
E: DATA_BEGIN
C: x\r\n.\r\n
E: DATA x\r\n
E: DATA_END 3
Z: gated client=0 server=0

== 5xx to DATA goes back to commands
I: rcpt
C: DATA\r\n
E: COMMAND DATA
S: 554 5.5.1 no\r\n
E: REPLY 554 DATA 5.5.1 no
C: RSET\r\n
E: COMMAND RSET
S: 250 ok\r\n
E: REPLY 250 RSET ok

== 4xx to DATA, then DATA again
I: rcpt
C: DATA\r\n
E: COMMAND DATA
S: 450 wait\r\n
E: REPLY 450 DATA wait
C: DATA\r\n
E: COMMAND DATA
S: 354 go\r\n
E: REPLY 354 DATA go
E: DATA_BEGIN
C: x\r\n.\r\n
E: DATA x\r\n
E: DATA_END 3
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a final reply while data flows
I: data
C: some text\r\n
E: DATA some text\r\n
S: 552 too much\r\n
E: REPLY 552 MESSAGE too much
E: DESYNC REPLY_IN_DATA
Z: stopped client=0 server=0

== a 250 while data flows and no end was possible
I: data
C: some text\r\n
E: DATA some text\r\n
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
E: DESYNC REPLY_IN_DATA
Z: stopped client=0 server=0

== a 354 while data flows
I: data
C: some text\r\n
E: DATA some text\r\n
S: 354 go\r\n
E: REPLY 354 MESSAGE go
E: DESYNC REPLY_IN_DATA
Z: stopped client=0 server=0

== two replies to a message
I: data
C: x\r\n.\r\n
E: DATA x\r\n
E: DATA_END 3
S: 250 queued\r\n250 queued twice\r\n
E: REPLY 250 MESSAGE queued
E: REPLY 250 queued twice
E: DESYNC REPLY_UNEXPECTED
Z: stopped client=0 server=0

== LMTP: LHLO is unknown, one reply a recipient is one too many
I: greeted
C: LHLO client.example\r\n
E: COMMAND UNKNOWN
S: 250-mx.example\r\n250 PIPELINING\r\n
E: REPLY_LINE 250 UNKNOWN mx.example
E: REPLY 250 UNKNOWN PIPELINING
C: MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nRCPT TO:<c@y.example>\r\nDATA\r\n
E: COMMAND MAIL +STATE path=<a@x.example> FROM:<a@x.example>
E: COMMAND RCPT +PIPELINED path=<b@y.example> TO:<b@y.example>
E: COMMAND RCPT +PIPELINED path=<c@y.example> TO:<c@y.example>
E: COMMAND DATA +PIPELINED
S: 250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n
E: REPLY 250 MAIL ok
E: REPLY 250 RCPT ok
E: REPLY 250 RCPT ok
E: REPLY 354 DATA go
E: DATA_BEGIN
C: x\r\n.\r\n
E: DATA x\r\n
E: DATA_END 3
S: 250 one\r\n250 two\r\n
E: REPLY 250 MESSAGE one
E: REPLY 250 two
E: DESYNC REPLY_UNEXPECTED
Z: stopped client=0 server=0

== masked keywords count as not offered
I: greeted
M: CHUNKING
M: STARTTLS
C: EHLO client.example\r\n
E: COMMAND EHLO client.example
S: 250-mx.example\r\n250-STARTTLS\r\n250 CHUNKING\r\n
E: REPLY_LINE 250 EHLO mx.example
E: KEYWORD 250 STARTTLS
E: REPLY_LINE 250 EHLO STARTTLS
E: KEYWORD 250 CHUNKING
E: REPLY 250 EHLO CHUNKING
C: STARTTLS\r\n
E: COMMAND STARTTLS +UNOFFERED
S: 502 no\r\n
E: REPLY 502 STARTTLS no
C: BDAT 3 LAST\r\nabc
E: COMMAND BDAT +STATE,UNOFFERED 3 LAST
E: DESYNC BDAT_UNOFFERED
Z: stopped client=16 server=0

== masked behind the reply counts too
I: ehlo
M: CHUNKING
C: MAIL FROM:<a@x.example>\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
S: 250 ok\r\n
E: REPLY 250 MAIL ok
C: RCPT TO:<b@y.example>\r\n
E: COMMAND RCPT path=<b@y.example> TO:<b@y.example>
S: 250 ok\r\n
E: REPLY 250 RCPT ok
C: BDAT 3 LAST\r\nabc
E: COMMAND BDAT +UNOFFERED 3 LAST
E: DESYNC BDAT_UNOFFERED
Z: stopped client=16 server=0
