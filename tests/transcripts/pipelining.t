# RFC 2920: groups of commands, and what has to wait.

== the first example of RFC 2920
I: ehlo
C: MAIL FROM:<mrose@dbc.mtview.ca.us>\r\nRCPT TO:<ned@innosoft.com>\r\n
C: RCPT TO:<dan@innosoft.com>\r\nRCPT TO:<kvc@innosoft.com>\r\nDATA\r\n
E: COMMAND MAIL path=<mrose@dbc.mtview.ca.us> FROM:<mrose@dbc.mtview.ca.us>
E: COMMAND RCPT +PIPELINED path=<ned@innosoft.com> TO:<ned@innosoft.com>
E: COMMAND RCPT +PIPELINED path=<dan@innosoft.com> TO:<dan@innosoft.com>
E: COMMAND RCPT +PIPELINED path=<kvc@innosoft.com> TO:<kvc@innosoft.com>
E: COMMAND DATA +PIPELINED
S: 250 sender <mrose@dbc.mtview.ca.us> OK\r\n250 recipient <ned@innosoft.com> OK\r\n
S: 250 recipient <dan@innosoft.com> OK\r\n250 recipient <kvc@innosoft.com> OK\r\n354 enter mail\r\n
E: REPLY 250 MAIL sender <mrose@dbc.mtview.ca.us> OK
E: REPLY 250 RCPT recipient <ned@innosoft.com> OK
E: REPLY 250 RCPT recipient <dan@innosoft.com> OK
E: REPLY 250 RCPT recipient <kvc@innosoft.com> OK
E: REPLY 354 DATA enter mail
E: DATA_BEGIN
C: hello\r\n.\r\nQUIT\r\n
E: DATA hello\r\n
E: DATA_END 7
S: 250 message sent\r\n
E: REPLY 250 MESSAGE message sent
E: COMMAND QUIT +PIPELINED
--
S: 221 goodbye\r\n
E: REPLY 221 QUIT goodbye

== the second example of RFC 2920: no recipient is left
I: ehlo
C: MAIL FROM:<mrose@dbc.mtview.ca.us>\r\nRCPT TO:<nsb@thumper.bellcore.com>\r\n
C: RCPT TO:<galvin@tis.com>\r\nDATA\r\n
E: COMMAND MAIL path=<mrose@dbc.mtview.ca.us> FROM:<mrose@dbc.mtview.ca.us>
E: COMMAND RCPT +PIPELINED path=<nsb@thumper.bellcore.com> TO:<nsb@thumper.bellcore.com>
E: COMMAND RCPT +PIPELINED path=<galvin@tis.com> TO:<galvin@tis.com>
E: COMMAND DATA +PIPELINED
S: 250 sender OK\r\n550 remote mail not allowed\r\n550 remote mail not allowed\r\n
S: 554 no valid recipients given\r\n
E: REPLY 250 MAIL sender OK
E: REPLY 550 RCPT remote mail not allowed
E: REPLY 550 RCPT remote mail not allowed
E: REPLY 554 DATA no valid recipients given
C: QUIT\r\n
E: COMMAND QUIT
S: 221 goodbye\r\n
E: REPLY 221 QUIT goodbye

== no recipient is left but the server says 354, then 554 to the lone dot
I: ehlo
C: MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
E: COMMAND RCPT +PIPELINED path=<b@y.example> TO:<b@y.example>
E: COMMAND DATA +PIPELINED
S: 250 ok\r\n550 no\r\n354 go\r\n
E: REPLY 250 MAIL ok
E: REPLY 550 RCPT no
E: REPLY 354 DATA go
E: DATA_BEGIN
C: .\r\n
E: DATA_END 0
S: 554 no valid recipients\r\n
E: REPLY 554 MESSAGE no valid recipients

== QUIT behind the message waits, then goes
I: ehlo
C: MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
E: COMMAND RCPT +PIPELINED path=<b@y.example> TO:<b@y.example>
E: COMMAND DATA +PIPELINED
S: 250 ok\r\n250 ok\r\n354 go\r\n
E: REPLY 250 MAIL ok
E: REPLY 250 RCPT ok
E: REPLY 354 DATA go
E: DATA_BEGIN
C: x\r\n.\r\nQUIT\r\n
E: DATA x\r\n
E: DATA_END 3
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
E: COMMAND QUIT +PIPELINED
--
S: 221 bye\r\n
E: REPLY 221 QUIT bye

== RSET, MAIL and RCPT may follow each other
I: rcpt
C: RSET\r\nMAIL FROM:<c@x.example>\r\nRCPT TO:<d@y.example>\r\nRSET\r\nQUIT\r\n
E: COMMAND RSET
E: COMMAND MAIL +PIPELINED path=<c@x.example> FROM:<c@x.example>
E: COMMAND RCPT +PIPELINED path=<d@y.example> TO:<d@y.example>
E: COMMAND RSET +PIPELINED
E: COMMAND QUIT +PIPELINED
S: 250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n221 bye\r\n
E: REPLY 250 RSET ok
E: REPLY 250 MAIL ok
E: REPLY 250 RCPT ok
E: REPLY 250 RSET ok
E: REPLY 221 QUIT bye

== SEND, SOML and SAML may be followed too
I: helo
C: SEND FROM:<a@x.example>\r\nSOML FROM:<a@x.example>\r\nSAML FROM:<a@x.example>\r\nRSET\r\n
E: COMMAND SEND path=<a@x.example> FROM:<a@x.example>
E: COMMAND SOML +STATE,PIPELINED path=<a@x.example> FROM:<a@x.example>
E: COMMAND SAML +STATE,PIPELINED path=<a@x.example> FROM:<a@x.example>
E: COMMAND RSET +PIPELINED
S: 502 no\r\n502 no\r\n502 no\r\n250 ok\r\n
E: REPLY 502 SEND no
E: REPLY 502 SOML no
E: REPLY 502 SAML no
E: REPLY 250 RSET ok

== EHLO has to be the last of a group
I: greeted
C: EHLO client.example\r\nMAIL FROM:<a@x.example>\r\n
E: COMMAND EHLO client.example
S: 250-mx.example\r\n250 PIPELINING\r\n
E: REPLY_LINE 250 EHLO mx.example
E: KEYWORD 250 PIPELINING
E: REPLY 250 EHLO PIPELINING
E: COMMAND MAIL +PIPELINED path=<a@x.example> FROM:<a@x.example>
--
S: 250 ok\r\n
E: REPLY 250 MAIL ok

== HELO has to be the last of a group
I: greeted
C: HELO client.example\r\nMAIL FROM:<a@x.example>\r\n
E: COMMAND HELO client.example
S: 250 mx.example\r\n
E: REPLY 250 HELO mx.example
E: COMMAND MAIL +PIPELINED path=<a@x.example> FROM:<a@x.example>
--
S: 250 ok\r\n
E: REPLY 250 MAIL ok

== NOOP has to be the last of a group
I: ehlo
C: NOOP\r\nMAIL FROM:<a@x.example>\r\n
E: COMMAND NOOP
S: 250 ok\r\n
E: REPLY 250 NOOP ok
E: COMMAND MAIL +PIPELINED path=<a@x.example> FROM:<a@x.example>
--
S: 250 ok\r\n
E: REPLY 250 MAIL ok

== VRFY and EXPN have to be the last of a group
I: ehlo
C: VRFY b\r\nEXPN l\r\nMAIL FROM:<a@x.example>\r\n
E: COMMAND VRFY b
S: 252 maybe\r\n
E: REPLY 252 VRFY maybe
E: COMMAND EXPN +PIPELINED l
--
S: 502 no\r\n
E: REPLY 502 EXPN no
E: COMMAND MAIL +PIPELINED path=<a@x.example> FROM:<a@x.example>
--
S: 250 ok\r\n
E: REPLY 250 MAIL ok

== an unknown command waits for its reply
I: ehlo
C: WIZ\r\nMAIL FROM:<a@x.example>\r\n
E: COMMAND UNKNOWN
S: 502 what\r\n
E: REPLY 502 UNKNOWN what
E: COMMAND MAIL +PIPELINED path=<a@x.example> FROM:<a@x.example>
--
S: 250 ok\r\n
E: REPLY 250 MAIL ok

== nothing behind DATA is read before its reply
I: rcpt
C: DATA\r\nSubject: early\r\n\r\nx\r\n.\r\nQUIT\r\n
E: COMMAND DATA
S: 354 go\r\n
E: REPLY 354 DATA go
E: DATA_BEGIN
E: DATA Subject: early\r\n\r\nx\r\n
E: DATA_END 21
--
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
E: COMMAND QUIT +PIPELINED
--
S: 221 bye\r\n
E: REPLY 221 QUIT bye

== a message sent behind a refused DATA is read as commands
I: rcpt
C: DATA\r\nMAIL FROM:<evil@x.example>\r\nRCPT TO:<victim@y.example>\r\nDATA\r\n
E: COMMAND DATA
S: 451 try later\r\n
E: REPLY 451 DATA try later
E: COMMAND MAIL +STATE,PIPELINED path=<evil@x.example> FROM:<evil@x.example>
E: COMMAND RCPT +PIPELINED path=<victim@y.example> TO:<victim@y.example>
E: COMMAND DATA +PIPELINED
--
S: 503 nested\r\n250 ok\r\n354 go\r\n
E: REPLY 503 MAIL nested
E: REPLY 250 RCPT ok
E: REPLY 354 DATA go
E: DATA_BEGIN
C: x\r\n.\r\n
E: DATA x\r\n
E: DATA_END 3
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued

== pipelining is marked, offered or not
I: helo
C: MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
E: COMMAND RCPT +PIPELINED path=<b@y.example> TO:<b@y.example>
S: 250 ok\r\n250 ok\r\n
E: REPLY 250 MAIL ok
E: REPLY 250 RCPT ok

== MAIL is refused and the pipelined rest with it
I: ehlo
C: MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
E: COMMAND RCPT +PIPELINED path=<b@y.example> TO:<b@y.example>
E: COMMAND DATA +PIPELINED
S: 550 no\r\n503 need MAIL\r\n503 need RCPT\r\n
E: REPLY 550 MAIL no
E: REPLY 503 RCPT need MAIL
E: REPLY 503 DATA need RCPT
C: RCPT TO:<c@y.example>\r\n
E: COMMAND RCPT +STATE path=<c@y.example> TO:<c@y.example>
S: 503 need MAIL\r\n
E: REPLY 503 RCPT need MAIL

== thirty-two commands may wait, the next is not read before a reply
I: ehlo
C: \{RSET\r\n*33}
E: COMMAND RSET
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
E: COMMAND RSET +PIPELINED
S: 250 ok\r\n
E: REPLY 250 RSET ok
E: COMMAND RSET +PIPELINED
--
S: \{250 ok\r\n*32}
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok
E: REPLY 250 RSET ok

== replies may come in pieces and multi-line
I: ehlo
C: MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nRCPT TO:<c@y.example>\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
E: COMMAND RCPT +PIPELINED path=<b@y.example> TO:<b@y.example>
E: COMMAND RCPT +PIPELINED path=<c@y.example> TO:<c@y.example>
S: 250-2.1.0\r\n250 2.1.0 ok\r\n250-2.1.5 one\r\n250 2.1.5 two\r\n550 5.1.1 no\r\n
E: REPLY_LINE 250 MAIL 2.1.0
E: REPLY 250 MAIL 2.1.0 ok
E: REPLY_LINE 250 RCPT 2.1.5 one
E: REPLY 250 RCPT 2.1.5 two
E: REPLY 550 RCPT 5.1.1 no

== an early talker: commands before the greeting are read, marked, and paired right
C: HELO client.example\r\nMAIL FROM:<a@x.example>\r\n
E: COMMAND HELO +PIPELINED client.example
S: 220 mx.example ESMTP\r\n
E: REPLY 220 mx.example ESMTP
--
S: 250 mx.example\r\n
E: REPLY 250 HELO mx.example
E: COMMAND MAIL +PIPELINED path=<a@x.example> FROM:<a@x.example>
--
S: 250 ok\r\n
E: REPLY 250 MAIL ok

== an early talker that waits for nothing
C: RSET\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nQUIT\r\n
E: COMMAND RSET +PIPELINED
E: COMMAND MAIL +STATE,PIPELINED path=<a@x.example> FROM:<a@x.example>
E: COMMAND RCPT +PIPELINED path=<b@y.example> TO:<b@y.example>
E: COMMAND QUIT +PIPELINED
S: 220-mx.example\r\n220 ESMTP\r\n
S: 250 ok\r\n503 HELO first\r\n503 no\r\n221 bye\r\n
E: REPLY_LINE 220 mx.example
E: REPLY 220 ESMTP
E: REPLY 250 RSET ok
E: REPLY 503 MAIL HELO first
E: REPLY 503 RCPT no
E: REPLY 221 QUIT bye

== an early talker meets a 554 greeting
C: EHLO client.example\r\n
E: COMMAND EHLO +PIPELINED client.example
S: 554 go away\r\n
E: REPLY 554 go away
--
S: 503 no\r\n
E: REPLY 503 EHLO no
C: QUIT\r\n
E: COMMAND QUIT
S: 221 bye\r\n
E: REPLY 221 QUIT bye

== a web browser talks to port 25
S: 220 mx.example ESMTP\r\n
E: REPLY 220 mx.example ESMTP
C: POST / HTTP/1.1\r\nHost: mx.example\r\n\r\nMAIL FROM:<a@x.example>\r\n
E: COMMAND UNKNOWN
S: 502 what\r\n
E: REPLY 502 UNKNOWN what
E: COMMAND UNKNOWN +PIPELINED
--
S: 502 what\r\n
E: REPLY 502 UNKNOWN what
E: COMMAND UNKNOWN +PIPELINED
--
S: 500 what\r\n
E: REPLY 500 UNKNOWN what
E: COMMAND MAIL +STATE,PIPELINED path=<a@x.example> FROM:<a@x.example>
--
S: 503 HELO first\r\n
E: REPLY 503 MAIL HELO first
