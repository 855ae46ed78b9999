# STARTTLS (RFC 3207).

== accepted: nothing is read any more
I: ehlo
C: STARTTLS\r\n
E: COMMAND STARTTLS
S: 220 2.0.0 go ahead\r\n
E: REPLY 220 STARTTLS 2.0.0 go ahead
E: TLS
C: \x16\x03\x01\x02\0\x01\0
S: \x16\x03\x03\0\x7a\x02
Z: opaque client=7 server=6

== refused for now
I: ehlo
C: STARTTLS\r\n
E: COMMAND STARTTLS
S: 454 4.7.0 TLS not available\r\n
E: REPLY 454 STARTTLS 4.7.0 TLS not available
C: MAIL FROM:<a@x.example>\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
S: 250 ok\r\n
E: REPLY 250 MAIL ok

== refused
I: ehlo
C: STARTTLS\r\n
E: COMMAND STARTTLS
S: 501 no parameters\r\n
E: REPLY 501 STARTTLS no parameters
C: STARTTLS\r\n
E: COMMAND STARTTLS
S: 502 no\r\n
E: REPLY 502 STARTTLS no

== commands injected behind STARTTLS are not read, and left to the caller
I: ehlo
C: STARTTLS\r\nRSET\r\nMAIL FROM:<evil@x.example>\r\n
E: COMMAND STARTTLS
S: 220 go ahead\r\n
E: REPLY 220 STARTTLS go ahead
E: TLS
Z: opaque client=34 server=0

== commands injected behind a refused STARTTLS are commands
I: ehlo
C: STARTTLS\r\nRSET\r\nMAIL FROM:<a@x.example>\r\n
E: COMMAND STARTTLS
S: 454 no\r\n
E: REPLY 454 STARTTLS no
E: COMMAND RSET +PIPELINED
E: COMMAND MAIL +PIPELINED path=<a@x.example> FROM:<a@x.example>
--
S: 250 ok\r\n250 ok\r\n
E: REPLY 250 RSET ok
E: REPLY 250 MAIL ok

== replies injected behind the 220 are not read
I: ehlo
C: STARTTLS\r\n
E: COMMAND STARTTLS
S: 220 go ahead\r\n250-injected\r\n250 AUTH PLAIN\r\n
E: REPLY 220 STARTTLS go ahead
E: TLS
Z: opaque client=0 server=30

== a 220 of several lines
I: ehlo
C: STARTTLS\r\n
E: COMMAND STARTTLS
S: 220-wait\r\n
E: REPLY_LINE 220 STARTTLS wait
--
S: 220 go ahead\r\n
E: REPLY 220 STARTTLS go ahead
E: TLS
Z: opaque client=0 server=0

== STARTTLS with an argument
I: ehlo
C: STARTTLS now\r\n
E: COMMAND STARTTLS +SYNTAX now
S: 501 no\r\n
E: REPLY 501 STARTTLS no

== STARTTLS in a transaction
I: rcpt
C: STARTTLS\r\n
E: COMMAND STARTTLS +STATE
S: 503 no\r\n
E: REPLY 503 STARTTLS no

== STARTTLS without the offer may be accepted all the same
I: helo
C: STARTTLS\r\n
E: COMMAND STARTTLS +UNOFFERED
S: 220 go ahead\r\n
E: REPLY 220 STARTTLS go ahead
E: TLS
Z: opaque client=0 server=0

== STARTTLS behind pipelined commands waits for its own reply
I: ehlo
C: RSET\r\nSTARTTLS\r\n
E: COMMAND RSET
E: COMMAND STARTTLS +PIPELINED
S: 250 ok\r\n
E: REPLY 250 RSET ok
--
S: 220 go\r\n
E: REPLY 220 STARTTLS go
E: TLS
Z: opaque client=0 server=0

== STARTTLS by a bare LF
I: ehlo
C: STARTTLS\nRSET\r\n
E: COMMAND STARTTLS +BARE_LF
S: 220 go\r\n
E: REPLY 220 STARTTLS go
E: TLS
Z: opaque client=6 server=0

== STARTTLS before the greeting
C: STARTTLS\r\n
E: COMMAND STARTTLS +STATE,PIPELINED,UNOFFERED
S: 220 mx.example ESMTP\r\n
E: REPLY 220 mx.example ESMTP
--
S: 503 no\r\n
E: REPLY 503 STARTTLS no

== a client that begins with a TLS record
S: 220 mx.example ESMTP\r\n
E: REPLY 220 mx.example ESMTP
C: \x16\x03\x01\0\x05\x01\0\0\x01\n\0
E: COMMAND UNKNOWN +BARE_LF,NUL,BLANKS
Z: gated client=1 server=0
