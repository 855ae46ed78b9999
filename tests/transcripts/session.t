# Whole sessions as they are every day.

== a message by HELO, one command at a time
S: 220 mx.example ESMTP\r\n
E: REPLY 220 mx.example ESMTP
C: HELO client.example\r\n
E: COMMAND HELO client.example
S: 250 mx.example\r\n
E: REPLY 250 HELO mx.example
C: MAIL FROM:<a@x.example>\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
S: 250 2.1.0 Ok\r\n
E: REPLY 250 MAIL 2.1.0 Ok
C: RCPT TO:<b@y.example>\r\n
E: COMMAND RCPT path=<b@y.example> TO:<b@y.example>
S: 250 2.1.5 Ok\r\n
E: REPLY 250 RCPT 2.1.5 Ok
C: DATA\r\n
E: COMMAND DATA
S: 354 End data with <CR><LF>.<CR><LF>\r\n
E: REPLY 354 DATA End data with <CR><LF>.<CR><LF>
E: DATA_BEGIN
C: Subject: hi\r\n\r\nhello\r\n.\r\n
E: DATA Subject: hi\r\n\r\nhello\r\n
E: DATA_END 22
S: 250 2.0.0 Ok: queued as 4Tz\r\n
E: REPLY 250 MESSAGE 2.0.0 Ok: queued as 4Tz
C: QUIT\r\n
E: COMMAND QUIT
S: 221 2.0.0 Bye\r\n
E: REPLY 221 QUIT 2.0.0 Bye

== EHLO keywords are told one by one and remembered
S: 220 mx.example ESMTP\r\n
E: REPLY 220 mx.example ESMTP
C: EHLO client.example\r\n
E: COMMAND EHLO client.example
S: 250-mx.example\r\n250-SIZE 10240000\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n
E: REPLY_LINE 250 EHLO mx.example
E: KEYWORD 250 SIZE 10240000
E: REPLY_LINE 250 EHLO SIZE 10240000
E: KEYWORD 250 8BITMIME
E: REPLY_LINE 250 EHLO 8BITMIME
E: KEYWORD 250 SMTPUTF8
E: REPLY 250 EHLO SMTPUTF8
C: MAIL FROM:<a@x.example> SIZE=120 BODY=8BITMIME SMTPUTF8\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example> SIZE=120 BODY=8BITMIME SMTPUTF8
S: 250 ok\r\n
E: REPLY 250 MAIL ok

== the domain in the first line of an EHLO reply is no keyword
I: greeted
C: EHLO client.example\r\n
E: COMMAND EHLO client.example
S: 250-CHUNKING\r\n250 HELP\r\n
E: REPLY_LINE 250 EHLO CHUNKING
E: KEYWORD 250 HELP
E: REPLY 250 EHLO HELP
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

== an EHLO reply of one line offers nothing
I: greeted
C: EHLO client.example\r\n
E: COMMAND EHLO client.example
S: 250 mx.example\r\n
E: REPLY 250 EHLO mx.example
C: STARTTLS\r\n
E: COMMAND STARTTLS +UNOFFERED
Z: gated client=0 server=0

== the old AUTH= form is AUTH
I: greeted
C: EHLO client.example\r\n
E: COMMAND EHLO client.example
S: 250-mx.example\r\n250-AUTH=LOGIN PLAIN\r\n250 HELP\r\n
E: REPLY_LINE 250 EHLO mx.example
E: KEYWORD 250 AUTH=LOGIN PLAIN
E: REPLY_LINE 250 EHLO AUTH=LOGIN PLAIN
E: KEYWORD 250 HELP
E: REPLY 250 EHLO HELP
C: AUTH LOGIN\r\n
E: COMMAND AUTH LOGIN
Z: gated client=0 server=0

== keywords are read without regard to case
I: greeted
C: ehlo client.example\r\n
E: COMMAND EHLO client.example
S: 250-mx.example\r\n250-Chunking\r\n250 size\r\n
E: REPLY_LINE 250 EHLO mx.example
E: KEYWORD 250 Chunking
E: REPLY_LINE 250 EHLO Chunking
E: KEYWORD 250 size
E: REPLY 250 EHLO size
C: mail from:<a@x.example> Size=3\r\n
E: COMMAND MAIL path=<a@x.example> from:<a@x.example> Size=3
S: 250 ok\r\n
E: REPLY 250 MAIL ok
C: Rcpt To:<b@y.example>\r\n
E: COMMAND RCPT path=<b@y.example> To:<b@y.example>
S: 250 ok\r\n
E: REPLY 250 RCPT ok
C: bdat 3 last\r\nabc
E: COMMAND BDAT 3 last
E: DATA_BEGIN
E: CHUNK 3 +LAST
E: DATA abc
E: DATA_END 3
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a later EHLO reply replaces what the earlier one offered
I: ehlo
C: EHLO client.example\r\n
E: COMMAND EHLO client.example
S: 250-mx.example\r\n250 SIZE\r\n
E: REPLY_LINE 250 EHLO mx.example
E: KEYWORD 250 SIZE
E: REPLY 250 EHLO SIZE
C: STARTTLS\r\n
E: COMMAND STARTTLS +UNOFFERED
S: 502 no\r\n
E: REPLY 502 STARTTLS no
C: MAIL FROM:<a@x.example> SIZE=1\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example> SIZE=1

== HELO takes back what EHLO offered
I: ehlo
C: HELO client.example\r\n
E: COMMAND HELO client.example
S: 250 mx.example\r\n
E: REPLY 250 HELO mx.example
C: MAIL FROM:<a@x.example> BODY=8BITMIME\r\n
E: COMMAND MAIL +UNOFFERED path=<a@x.example> FROM:<a@x.example> BODY=8BITMIME

== a refused EHLO offers nothing and HELO follows
I: greeted
C: EHLO client.example\r\n
E: COMMAND EHLO client.example
S: 502 5.5.2 Error: command not recognized\r\n
E: REPLY 502 EHLO 5.5.2 Error: command not recognized
C: HELO client.example\r\n
E: COMMAND HELO client.example
S: 250 mx.example\r\n
E: REPLY 250 HELO mx.example
C: MAIL FROM:<a@x.example> SIZE=5\r\n
E: COMMAND MAIL +UNOFFERED path=<a@x.example> FROM:<a@x.example> SIZE=5
S: 250 ok\r\n
E: REPLY 250 MAIL ok

== a refused EHLO in session leaves the transaction
I: rcpt
C: EHLO\r\n
E: COMMAND EHLO +SYNTAX
S: 501 5.5.4 Syntax: EHLO hostname\r\n
E: REPLY 501 EHLO 5.5.4 Syntax: EHLO hostname
C: DATA\r\n
E: COMMAND DATA
S: 354 go\r\n
E: REPLY 354 DATA go
E: DATA_BEGIN
Z: message client=0 server=0

== an accepted EHLO ends the transaction
I: rcpt
C: EHLO client.example\r\n
E: COMMAND EHLO client.example
S: 250-mx.example\r\n250 PIPELINING\r\n
E: REPLY_LINE 250 EHLO mx.example
E: KEYWORD 250 PIPELINING
E: REPLY 250 EHLO PIPELINING
C: DATA\r\n
E: COMMAND DATA +STATE
S: 503 5.5.1 Error: need RCPT command\r\n
E: REPLY 503 DATA 5.5.1 Error: need RCPT command

== RSET ends the transaction
I: rcpt
C: RSET\r\n
E: COMMAND RSET
S: 250 ok\r\n
E: REPLY 250 RSET ok
C: RCPT TO:<c@y.example>\r\n
E: COMMAND RCPT +STATE path=<c@y.example> TO:<c@y.example>
S: 503 need MAIL\r\n
E: REPLY 503 RCPT need MAIL
C: MAIL FROM:<d@x.example>\r\n
E: COMMAND MAIL path=<d@x.example> FROM:<d@x.example>
S: 250 ok\r\n
E: REPLY 250 MAIL ok

== several messages in one session
I: rcpt
C: DATA\r\n
E: COMMAND DATA
S: 354 go\r\n
E: REPLY 354 DATA go
E: DATA_BEGIN
C: one\r\n.\r\n
E: DATA one\r\n
E: DATA_END 5
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
C: MAIL FROM:<a@x.example>\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
S: 250 ok\r\n
E: REPLY 250 MAIL ok
C: RCPT TO:<b@y.example>\r\n
E: COMMAND RCPT path=<b@y.example> TO:<b@y.example>
S: 250 ok\r\n
E: REPLY 250 RCPT ok
C: DATA\r\n
E: COMMAND DATA
S: 354 go\r\n
E: REPLY 354 DATA go
E: DATA_BEGIN
C: two\r\n.\r\n
E: DATA two\r\n
E: DATA_END 5
S: 550 refused\r\n
E: REPLY 550 MESSAGE refused
C: MAIL FROM:<a@x.example>\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
S: 250 ok\r\n
E: REPLY 250 MAIL ok
C: RCPT TO:<b@y.example>\r\n
E: COMMAND RCPT path=<b@y.example> TO:<b@y.example>
S: 250 ok\r\n
E: REPLY 250 RCPT ok
C: DATA\r\n
E: COMMAND DATA
S: 354 go\r\n
E: REPLY 354 DATA go
E: DATA_BEGIN
C: three\r\n.\r\n
E: DATA three\r\n
E: DATA_END 7
S: 451 later\r\n
E: REPLY 451 MESSAGE later
C: QUIT\r\n
E: COMMAND QUIT
S: 221 bye\r\n
E: REPLY 221 QUIT bye

== DATA right after a message is out of place
I: data
C: x\r\n.\r\n
E: DATA x\r\n
E: DATA_END 3
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
C: DATA\r\n
E: COMMAND DATA +STATE
S: 503 need MAIL\r\n
E: REPLY 503 DATA need MAIL

== QUIT may be pipelined behind the final dot but waits for the reply
I: data
C: x\r\n.\r\nQUIT\r\n
E: DATA x\r\n
E: DATA_END 3
S: 250 queued\r\n
E: REPLY 250 MESSAGE queued
E: COMMAND QUIT +PIPELINED
--
S: 221 bye\r\n
E: REPLY 221 QUIT bye

== the null sender
I: helo
C: MAIL FROM:<>\r\n
E: COMMAND MAIL path=<> FROM:<>
S: 250 ok\r\n
E: REPLY 250 MAIL ok
C: RCPT TO:<postmaster>\r\n
E: COMMAND RCPT path=<postmaster> TO:<postmaster>
S: 250 ok\r\n
E: REPLY 250 RCPT ok

== a source route is stripped from the path
I: helo
C: MAIL FROM:<@relay.example,@[IPv6:2001:db8::1]:a@x.example>\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<@relay.example,@[IPv6:2001:db8::1]:a@x.example>
S: 250 ok\r\n
E: REPLY 250 MAIL ok
C: RCPT TO:<@relay.example:b@y.example>\r\n
E: COMMAND RCPT path=<b@y.example> TO:<@relay.example:b@y.example>
S: 250 ok\r\n
E: REPLY 250 RCPT ok

== a source route without an end is no path
I: helo
C: MAIL FROM:<@relay.example>\r\n
E: COMMAND MAIL +SYNTAX path=<@relay.example> FROM:<@relay.example>
S: 501 bad\r\n
E: REPLY 501 MAIL bad

== a quoted local part may hold anything
I: helo
C: MAIL FROM:<"a \\"> b"@x.example> SIZE=10\r\n
E: COMMAND MAIL +UNOFFERED path=<"a \\"> b"@x.example> FROM:<"a \\"> b"@x.example> SIZE=10
S: 250 ok\r\n
E: REPLY 250 MAIL ok
C: RCPT TO:<"@odd:route\\\\"@y.example>\r\n
E: COMMAND RCPT path=<"@odd:route\\\\"@y.example> TO:<"@odd:route\\\\"@y.example>
S: 250 ok\r\n
E: REPLY 250 RCPT ok

== an address literal
I: helo
C: MAIL FROM:<a@[192.0.2.1]>\r\n
E: COMMAND MAIL path=<a@[192.0.2.1]> FROM:<a@[192.0.2.1]>
S: 250 ok\r\n
E: REPLY 250 MAIL ok
C: RCPT TO:<b@[IPv6:2001:db8::2]> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b@y.example\r\n
E: COMMAND RCPT path=<b@[IPv6:2001:db8::2]> TO:<b@[IPv6:2001:db8::2]> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b@y.example
S: 250 ok\r\n
E: REPLY 250 RCPT ok

== blanks around the colon and behind it are let pass
I: helo
C: MAIL FROM: <a@x.example>\r\n
E: COMMAND MAIL path=<a@x.example> FROM: <a@x.example>
S: 250 ok\r\n
E: REPLY 250 MAIL ok
C: RCPT\tTO : <b@y.example>  \r\n
E: COMMAND RCPT path=<b@y.example> TO : <b@y.example>
S: 250 ok\r\n
E: REPLY 250 RCPT ok

== a path without brackets is read but marked
I: helo
C: MAIL FROM:a@x.example SIZE=3\r\n
E: COMMAND MAIL +SYNTAX,UNOFFERED path=<a@x.example> FROM:a@x.example SIZE=3
S: 250 ok\r\n
E: REPLY 250 MAIL ok
C: RCPT TO:b@y.example\r\n
E: COMMAND RCPT +SYNTAX path=<b@y.example> TO:b@y.example
S: 250 ok\r\n
E: REPLY 250 RCPT ok

== a path that never closes has no address
I: helo
C: MAIL FROM:<a@x.example\r\n
E: COMMAND MAIL +SYNTAX FROM:<a@x.example
S: 501 bad\r\n
E: REPLY 501 MAIL bad
C: MAIL TO:<a@x.example>\r\n
E: COMMAND MAIL +SYNTAX TO:<a@x.example>
S: 501 bad\r\n
E: REPLY 501 MAIL bad
C: MAIL\r\n
E: COMMAND MAIL +SYNTAX
S: 501 bad\r\n
E: REPLY 501 MAIL bad

== parameters that do not parse
I: helo
C: MAIL FROM:<a@x.example> =3\r\n
E: COMMAND MAIL +SYNTAX path=<a@x.example> FROM:<a@x.example> =3
S: 501 bad\r\n
E: REPLY 501 MAIL bad
C: MAIL FROM:<a@x.example> SIZE=\r\n
E: COMMAND MAIL +SYNTAX,UNOFFERED path=<a@x.example> FROM:<a@x.example> SIZE=
S: 501 bad\r\n
E: REPLY 501 MAIL bad
C: MAIL FROM:<a@x.example>SIZE=3\r\n
E: COMMAND MAIL +SYNTAX,UNOFFERED path=<a@x.example> FROM:<a@x.example>SIZE=3
S: 501 bad\r\n
E: REPLY 501 MAIL bad
C: MAIL FROM:<a@x.example> FOO=a=b\r\n
E: COMMAND MAIL +SYNTAX path=<a@x.example> FROM:<a@x.example> FOO=a=b
S: 501 bad\r\n
E: REPLY 501 MAIL bad

== a recipient without an address
I: helo
C: MAIL FROM:<a@x.example>\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
S: 250 ok\r\n
E: REPLY 250 MAIL ok
C: RCPT TO:<>\r\n
E: COMMAND RCPT +SYNTAX path=<> TO:<>
S: 501 bad\r\n
E: REPLY 501 RCPT bad

== SMTPUTF8 holds for its transaction
I: ehlo
C: MAIL FROM:<\xc3\xa4@x.example> SMTPUTF8\r\n
E: COMMAND MAIL path=<\xc3\xa4@x.example> FROM:<\xc3\xa4@x.example> SMTPUTF8
S: 250 ok\r\n
E: REPLY 250 MAIL ok
C: RCPT TO:<\xc3\xb6@y.example>\r\n
E: COMMAND RCPT path=<\xc3\xb6@y.example> TO:<\xc3\xb6@y.example>
S: 250 ok\r\n
E: REPLY 250 RCPT ok
C: RSET\r\n
E: COMMAND RSET
S: 250 ok\r\n
E: REPLY 250 RSET ok
C: MAIL FROM:<a@x.example>\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
S: 250 ok\r\n
E: REPLY 250 MAIL ok
C: RCPT TO:<\xc3\xb6@y.example>\r\n
E: COMMAND RCPT +8BIT path=<\xc3\xb6@y.example> TO:<\xc3\xb6@y.example>
S: 553 bad\r\n
E: REPLY 553 RCPT bad

== VRFY and EXPN with SMTPUTF8
I: ehlo
C: VRFY \xc3\xb6 SMTPUTF8\r\n
E: COMMAND VRFY \xc3\xb6 SMTPUTF8
S: 252 maybe\r\n
E: REPLY 252 VRFY maybe
C: EXPN \xc3\xb6\r\n
E: COMMAND EXPN +8BIT \xc3\xb6
S: 502 no\r\n
E: REPLY 502 EXPN no

== 8-bit bytes in a message need nothing
I: data
C: \xff\xfe\x80\r\n.\r\n
E: DATA \xff\xfe\x80\r\n
E: DATA_END 5
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== SIZE, 8BITMIME, BINARYMIME and SMTPUTF8 that were not offered
I: helo
C: MAIL FROM:<a@x.example> SIZE=1\r\n
E: COMMAND MAIL +UNOFFERED path=<a@x.example> FROM:<a@x.example> SIZE=1
S: 555 no\r\n
E: REPLY 555 MAIL no
C: MAIL FROM:<a@x.example> BODY=8BITMIME\r\n
E: COMMAND MAIL +UNOFFERED path=<a@x.example> FROM:<a@x.example> BODY=8BITMIME
S: 555 no\r\n
E: REPLY 555 MAIL no
C: MAIL FROM:<a@x.example> BODY=BINARYMIME\r\n
E: COMMAND MAIL +UNOFFERED path=<a@x.example> FROM:<a@x.example> BODY=BINARYMIME
S: 555 no\r\n
E: REPLY 555 MAIL no
C: MAIL FROM:<a@x.example> SMTPUTF8\r\n
E: COMMAND MAIL +UNOFFERED path=<a@x.example> FROM:<a@x.example> SMTPUTF8
S: 555 no\r\n
E: REPLY 555 MAIL no
C: MAIL FROM:<a@x.example> BODY=7BIT RET=HDRS\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example> BODY=7BIT RET=HDRS
S: 555 no\r\n
E: REPLY 555 MAIL no

== a nested MAIL is out of place
I: rcpt
C: MAIL FROM:<c@x.example>\r\n
E: COMMAND MAIL +STATE path=<c@x.example> FROM:<c@x.example>
S: 503 nested\r\n
E: REPLY 503 MAIL nested
C: DATA\r\n
E: COMMAND DATA
S: 354 go\r\n
E: REPLY 354 DATA go
E: DATA_BEGIN
Z: message client=0 server=0

== MAIL before HELO is marked
I: greeted
C: MAIL FROM:<a@x.example>\r\n
E: COMMAND MAIL +STATE path=<a@x.example> FROM:<a@x.example>
S: 503 polite people say HELO\r\n
E: REPLY 503 MAIL polite people say HELO

== NOOP, HELP, VRFY, EXPN and ETRN
I: helo
C: NOOP some words\r\n
E: COMMAND NOOP some words
S: 250 ok\r\n
E: REPLY 250 NOOP ok
C: HELP MAIL\r\n
E: COMMAND HELP MAIL
S: 214-commands\r\n214 more\r\n
E: REPLY_LINE 214 HELP commands
E: REPLY 214 HELP more
C: VRFY b\r\n
E: COMMAND VRFY b
S: 252 maybe\r\n
E: REPLY 252 VRFY maybe
C: EXPN list\r\n
E: COMMAND EXPN list
S: 502 no\r\n
E: REPLY 502 EXPN no
C: ETRN x.example\r\n
E: COMMAND ETRN x.example
S: 250 ok\r\n
E: REPLY 250 ETRN ok

== SEND, SOML and SAML begin a transaction
I: helo
C: SOML FROM:<a@x.example>\r\n
E: COMMAND SOML path=<a@x.example> FROM:<a@x.example>
S: 250 ok\r\n
E: REPLY 250 SOML ok
C: RCPT TO:<b@y.example>\r\n
E: COMMAND RCPT path=<b@y.example> TO:<b@y.example>
S: 250 ok\r\n
E: REPLY 250 RCPT ok
C: RSET\r\n
E: COMMAND RSET
S: 250 ok\r\n
E: REPLY 250 RSET ok
C: SEND FROM:<a@x.example>\r\n
E: COMMAND SEND path=<a@x.example> FROM:<a@x.example>
S: 502 no\r\n
E: REPLY 502 SEND no
C: SAML FROM:<a@x.example>\r\n
E: COMMAND SAML path=<a@x.example> FROM:<a@x.example>
S: 502 no\r\n
E: REPLY 502 SAML no

== arguments where none belong
I: rcpt
C: RSET now\r\n
E: COMMAND RSET +SYNTAX now
S: 501 bad\r\n
E: REPLY 501 RSET bad
C: QUIT please\r\n
E: COMMAND QUIT +SYNTAX please
S: 501 bad\r\n
E: REPLY 501 QUIT bad
C: DATA 1\r\n
E: COMMAND DATA +SYNTAX 1
S: 501 bad\r\n
E: REPLY 501 DATA bad

== XFORWARD, XCLIENT: a new session without a connection
I: ehlo
C: XFORWARD NAME=x.example\r\n
E: COMMAND XFORWARD NAME=x.example
S: 250 ok\r\n
E: REPLY 250 XFORWARD ok
C: XCLIENT ADDR=192.0.2.1\r\n
E: COMMAND XCLIENT ADDR=192.0.2.1
S: 220 mx.example ESMTP\r\n
E: REPLY 220 XCLIENT mx.example ESMTP
C: MAIL FROM:<a@x.example> SIZE=1\r\n
E: COMMAND MAIL +STATE,UNOFFERED path=<a@x.example> FROM:<a@x.example> SIZE=1
S: 503 no\r\n
E: REPLY 503 MAIL no

== TURN that is accepted turns into noise and stops
I: helo
C: TURN\r\n
E: COMMAND TURN
S: 250 ok\r\nHELO mx.example\r\n
E: REPLY 250 TURN ok
E: DESYNC REPLY_SYNTAX
Z: stopped client=0 server=17

== XEXCH50 with a 354 is not followed
I: helo
C: XEXCH50 100 2\r\n
E: COMMAND XEXCH50 100 2
S: 354 send binary data\r\n
E: REPLY 354 XEXCH50 send binary data
E: DESYNC DATA_REPLY
Z: stopped client=0 server=0

== BURL waits for its reply
I: rcpt
C: BURL imap://x.example/INBOX LAST\r\nNOOP\r\n
E: COMMAND BURL imap://x.example/INBOX LAST
S: 250 ok\r\n
E: REPLY 250 BURL ok
E: COMMAND NOOP +PIPELINED
--
S: 250 ok\r\n
E: REPLY 250 NOOP ok

== SMTPUTF8 outlives a nested MAIL without it
I: ehlo
C: MAIL FROM:<a@x.example> SMTPUTF8\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<\xc3\xb6@y.example>\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example> SMTPUTF8
E: COMMAND MAIL +STATE,PIPELINED path=<a@x.example> FROM:<a@x.example>
E: COMMAND RCPT +PIPELINED path=<\xc3\xb6@y.example> TO:<\xc3\xb6@y.example>
S: 250 ok\r\n503 nested\r\n250 ok\r\n
E: REPLY 250 MAIL ok
E: REPLY 503 MAIL nested
E: REPLY 250 RCPT ok

== SMTPUTF8 ends with a pipelined RSET
I: ehlo
C: MAIL FROM:<a@x.example> SMTPUTF8\r\nRSET\r\nRCPT TO:<\xc3\xb6@y.example>\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example> SMTPUTF8
E: COMMAND RSET +PIPELINED
E: COMMAND RCPT +8BIT,STATE,PIPELINED path=<\xc3\xb6@y.example> TO:<\xc3\xb6@y.example>
S: 250 ok\r\n250 ok\r\n503 no\r\n
E: REPLY 250 MAIL ok
E: REPLY 250 RSET ok
E: REPLY 503 RCPT no

== SMTPUTF8 ends with a refused MAIL
I: ehlo
C: MAIL FROM:<a@x.example> SMTPUTF8\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example> SMTPUTF8
S: 550 no\r\n
E: REPLY 550 MAIL no
C: RCPT TO:<\xc3\xb6@y.example>\r\n
E: COMMAND RCPT +8BIT,STATE path=<\xc3\xb6@y.example> TO:<\xc3\xb6@y.example>
S: 503 no\r\n
E: REPLY 503 RCPT no

== a nested MAIL that is accepted begins anew
I: rcpt
C: MAIL FROM:<c@x.example>\r\n
E: COMMAND MAIL +STATE path=<c@x.example> FROM:<c@x.example>
S: 250 ok\r\n
E: REPLY 250 MAIL ok
C: DATA\r\n
E: COMMAND DATA +STATE
S: 503 need RCPT\r\n
E: REPLY 503 DATA need RCPT
