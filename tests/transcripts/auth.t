# AUTH (RFC 4954). What is secret in these dialogues never shows in an event.

== PLAIN with an initial response
I: ehlo
C: AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n
E: COMMAND AUTH PLAIN
S: 235 2.7.0 ok\r\n
E: REPLY 235 AUTH 2.7.0 ok
E: AUTH 235
C: MAIL FROM:<a@x.example> AUTH=<>\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example> AUTH=<>
S: 250 ok\r\n
E: REPLY 250 MAIL ok

== PLAIN without one
I: ehlo
C: AUTH PLAIN\r\n
E: COMMAND AUTH PLAIN
S: 334 \r\n
E: REPLY 334 AUTH
C: AGFsaWNlAHNlY3JldA==\r\n
E: AUTH_LINE
S: 235 2.7.0 ok\r\n
E: REPLY 235 AUTH 2.7.0 ok
E: AUTH 235

== LOGIN
I: ehlo
C: AUTH LOGIN\r\n
E: COMMAND AUTH LOGIN
S: 334 VXNlcm5hbWU6\r\n
E: REPLY 334 AUTH
C: YWxpY2U=\r\n
E: AUTH_LINE
S: 334 UGFzc3dvcmQ6\r\n
E: REPLY 334 AUTH
C: c2VjcmV0\r\n
E: AUTH_LINE
S: 235 ok\r\n
E: REPLY 235 AUTH ok
E: AUTH 235
C: NOOP\r\n
E: COMMAND NOOP
S: 250 ok\r\n
E: REPLY 250 NOOP ok

== LOGIN with the user name in the command
I: ehlo
C: AUTH LOGIN YWxpY2U=\r\n
E: COMMAND AUTH LOGIN
S: 334 UGFzc3dvcmQ6\r\n
E: REPLY 334 AUTH
C: c2VjcmV0\r\n
E: AUTH_LINE
S: 535 5.7.8 bad credentials\r\n
E: REPLY 535 AUTH 5.7.8 bad credentials
E: AUTH 535
C: AUTH LOGIN\r\n
E: COMMAND AUTH LOGIN
S: 334 VXNlcm5hbWU6\r\n
E: REPLY 334 AUTH

== CRAM-MD5 given up with a star
I: ehlo
C: AUTH CRAM-MD5\r\n
E: COMMAND AUTH CRAM-MD5
S: 334 PDEyMy40QG14PiA=\r\n
E: REPLY 334 AUTH
C: *\r\n
E: AUTH_LINE
S: 501 5.7.0 authentication aborted\r\n
E: REPLY 501 AUTH 5.7.0 authentication aborted
E: AUTH 501
C: QUIT\r\n
E: COMMAND QUIT
S: 221 bye\r\n
E: REPLY 221 QUIT bye

== a mechanism the server lacks
I: ehlo
C: AUTH NTLM\r\n
E: COMMAND AUTH NTLM
S: 504 5.5.4 no such mechanism\r\n
E: REPLY 504 AUTH 5.5.4 no such mechanism
E: AUTH 504
C: MAIL FROM:<a@x.example>\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
S: 250 ok\r\n
E: REPLY 250 MAIL ok

== a temporary failure
I: ehlo
C: AUTH PLAIN AGEAYg==\r\n
E: COMMAND AUTH PLAIN
S: 454 4.7.0 later\r\n
E: REPLY 454 AUTH 4.7.0 later
E: AUTH 454

== AUTH that was not offered
I: helo
C: AUTH PLAIN AGEAYg==\r\n
E: COMMAND AUTH +UNOFFERED PLAIN
S: 502 no\r\n
E: REPLY 502 AUTH no
E: AUTH 502

== AUTH twice
I: ehlo
C: AUTH PLAIN AGEAYg==\r\n
E: COMMAND AUTH PLAIN
S: 235 ok\r\n
E: REPLY 235 AUTH ok
E: AUTH 235
C: AUTH PLAIN AGEAYg==\r\n
E: COMMAND AUTH +STATE PLAIN
S: 503 already\r\n
E: REPLY 503 AUTH already
E: AUTH 503

== AUTH within a transaction
I: rcpt
C: AUTH PLAIN AGEAYg==\r\n
E: COMMAND AUTH +STATE PLAIN
S: 503 no\r\n
E: REPLY 503 AUTH no
E: AUTH 503

== AUTH without a mechanism, and with one that is none
I: ehlo
C: AUTH\r\n
E: COMMAND AUTH +SYNTAX
S: 501 no\r\n
E: REPLY 501 AUTH no
E: AUTH 501
C: AUTH PLAIN=AGEAYg== x\r\n
E: COMMAND AUTH +SYNTAX
S: 501 no\r\n
E: REPLY 501 AUTH no
E: AUTH 501
C: AUTH AGFsaWNlAHNlY3JldGFsaWNlAHNlY3JldA\r\n
E: COMMAND AUTH +SYNTAX
S: 501 no\r\n
E: REPLY 501 AUTH no
E: AUTH 501

== what is pipelined behind AUTH waits
I: ehlo
C: AUTH PLAIN AGEAYg==\r\nMAIL FROM:<a@x.example>\r\n
E: COMMAND AUTH PLAIN
S: 235 ok\r\n
E: REPLY 235 AUTH ok
E: AUTH 235
E: COMMAND MAIL +PIPELINED path=<a@x.example> FROM:<a@x.example>
--
S: 250 ok\r\n
E: REPLY 250 MAIL ok

== the exchange may be pipelined, line by line it waits
I: ehlo
C: AUTH LOGIN\r\nYWxpY2U=\r\nc2VjcmV0\r\nMAIL FROM:<a@x.example>\r\n
E: COMMAND AUTH LOGIN
S: 334 VXNlcm5hbWU6\r\n
E: REPLY 334 AUTH
E: AUTH_LINE +PIPELINED
--
S: 334 UGFzc3dvcmQ6\r\n
E: REPLY 334 AUTH
E: AUTH_LINE +PIPELINED
--
S: 235 ok\r\n
E: REPLY 235 AUTH ok
E: AUTH 235
E: COMMAND MAIL +PIPELINED path=<a@x.example> FROM:<a@x.example>
--
S: 250 ok\r\n
E: REPLY 250 MAIL ok

== a pipelined exchange that is refused shows nothing of its payload
I: ehlo
C: AUTH LOGIN\r\nYWxpY2U=\r\nc2VjcmV0\r\n
E: COMMAND AUTH LOGIN
S: 504 no\r\n
E: REPLY 504 AUTH no
E: AUTH 504
E: COMMAND UNKNOWN +PIPELINED
--
S: 500 what\r\n
E: REPLY 500 UNKNOWN what
E: COMMAND UNKNOWN +PIPELINED
--
S: 500 what\r\n
E: REPLY 500 UNKNOWN what

== an empty line is a response
I: ehlo
C: AUTH PLAIN\r\n
E: COMMAND AUTH PLAIN
S: 334\r\n
E: REPLY 334 AUTH
C: \r\n
E: AUTH_LINE
S: 501 no\r\n
E: REPLY 501 AUTH no
E: AUTH 501

== responses with bare LF and odd bytes
I: ehlo
C: AUTH LOGIN\r\n
E: COMMAND AUTH LOGIN
S: 334 VXNlcm5hbWU6\r\n
E: REPLY 334 AUTH
C: YWxp\0Y2U=\n
E: AUTH_LINE +BARE_LF,NUL
S: 334 UGFzc3dvcmQ6\r\n
E: REPLY 334 AUTH
C: c2Vj\rcmV0\r\n
E: AUTH_LINE +BARE_CR
S: 535 no\r\n
E: REPLY 535 AUTH no
E: AUTH 535

== a response of twelve thousand bytes
I: ehlo
L: auth_max=12288
C: AUTH GSSAPI\r\n
E: COMMAND AUTH GSSAPI
S: 334\r\n
E: REPLY 334 AUTH
C: \{A*12286}\r\n
E: AUTH_LINE
S: 235 ok\r\n
E: REPLY 235 AUTH ok
E: AUTH 235

== a response that is too long
I: ehlo
L: auth_max=600
C: AUTH GSSAPI\r\n
E: COMMAND AUTH GSSAPI
S: 334\r\n
E: REPLY 334 AUTH
C: \{A*599}\r\n
E: DESYNC LINE_TOO_LONG
Z: stopped client=601 server=0

== a long initial response has the limit of responses
I: ehlo
L: command_max=100
L: auth_max=600
C: AUTH GSSAPI \{A*586}\r\n
E: COMMAND AUTH GSSAPI
S: 235 ok\r\n
E: REPLY 235 AUTH ok
E: AUTH 235

== an initial response over that limit
I: ehlo
L: command_max=100
L: auth_max=600
C: AUTH GSSAPI \{A*587}\r\n
E: DESYNC LINE_TOO_LONG
Z: stopped client=601 server=0

== 334 to a command that is not AUTH
I: ehlo
C: NOOP\r\n
E: COMMAND NOOP
S: 334 go\r\n
E: REPLY 334 NOOP
E: DESYNC DATA_REPLY
Z: stopped client=0 server=0

== 354 to AUTH
I: ehlo
C: AUTH PLAIN\r\n
E: COMMAND AUTH PLAIN
S: 354 go\r\n
E: REPLY 354 AUTH go
E: DESYNC DATA_REPLY
Z: stopped client=0 server=0

== 421 within the exchange
I: ehlo
C: AUTH LOGIN\r\n
E: COMMAND AUTH LOGIN
S: 334 VXNlcm5hbWU6\r\n
S: 421 closing\r\n
E: REPLY 334 AUTH
E: REPLY 421 AUTH closing
E: AUTH 421

== AUTH after a failed AUTH, then mail
I: ehlo
C: AUTH PLAIN AGEAYg==\r\n
E: COMMAND AUTH PLAIN
S: 535-5.7.8 bad\r\n535 5.7.8 really\r\n
E: REPLY_LINE 535 AUTH 5.7.8 bad
E: REPLY 535 AUTH 5.7.8 really
E: AUTH 535
C: AUTH PLAIN AGEAYw==\r\n
E: COMMAND AUTH PLAIN
S: 235 ok\r\n
E: REPLY 235 AUTH ok
E: AUTH 235
C: MAIL FROM:<a@x.example>\r\n
E: COMMAND MAIL path=<a@x.example> FROM:<a@x.example>
S: 250 ok\r\n
E: REPLY 250 MAIL ok
