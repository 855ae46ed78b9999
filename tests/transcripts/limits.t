# Limits: what is bounded, and where the bound lies.

== a command line of exactly the limit
I: ehlo
L: command_max=100
C: NOOP \{x*93}\r\n
E: COMMAND NOOP \{x*93}
S: 250 ok\r\n
E: REPLY 250 NOOP ok

== a command line one byte over the limit
I: ehlo
L: command_max=100
C: NOOP \{x*94}\r\n
E: DESYNC LINE_TOO_LONG
Z: stopped client=101 server=0

== a command line that never ends
I: ehlo
L: command_max=100
C: \{x*300}
E: DESYNC LINE_TOO_LONG
Z: stopped client=300 server=0

== the limit holds for the line, not for the delivery
I: ehlo
L: command_max=40
C: RSET\r\nMAIL FROM:<aaaaa@bbbbbbbbbbb.example>\r\n
E: COMMAND RSET
E: COMMAND MAIL +PIPELINED path=<aaaaa@bbbbbbbbbbb.example> FROM:<aaaaa@bbbbbbbbbbb.example>
S: 250 ok\r\n
E: REPLY 250 RSET ok

== the default limit of a command line is 4096
I: ehlo
C: NOOP \{x*4089}\r\n
E: COMMAND NOOP \{x*4089}
S: 250 ok\r\n
E: REPLY 250 NOOP ok

== 4097 bytes are too many by default
I: ehlo
C: NOOP \{x*4090}\r\n
E: DESYNC LINE_TOO_LONG
Z: stopped client=4097 server=0

== a reply line of exactly the limit
I: helo
L: reply_max=60
C: NOOP\r\n
E: COMMAND NOOP
S: 250 \{x*54}\r\n
E: REPLY 250 NOOP \{x*54}

== a reply line over the limit
I: helo
L: reply_max=60
C: NOOP\r\n
E: COMMAND NOOP
S: 250 \{x*55}\r\n
E: DESYNC LINE_TOO_LONG
Z: stopped client=0 server=61

== the default limit of a reply line is 2048
I: helo
C: NOOP\r\n
E: COMMAND NOOP
S: 250 \{x*2042}\r\n
E: REPLY 250 NOOP \{x*2042}

== 2049 bytes of a reply line are too many by default
I: helo
C: NOOP\r\n
E: COMMAND NOOP
S: 250 \{x*2043}\r\n
E: DESYNC LINE_TOO_LONG
Z: stopped client=0 server=2049

== a reply of as many lines as allowed
I: helo
L: reply_lines=3
C: HELP\r\n
E: COMMAND HELP
S: 214-a\r\n214-b\r\n214 c\r\n
E: REPLY_LINE 214 HELP a
E: REPLY_LINE 214 HELP b
E: REPLY 214 HELP c

== a reply of one line too many
I: helo
L: reply_lines=3
C: HELP\r\n
E: COMMAND HELP
S: 214-a\r\n214-b\r\n214-c\r\n214 d\r\n
E: REPLY_LINE 214 HELP a
E: REPLY_LINE 214 HELP b
E: REPLY_LINE 214 HELP c
E: DESYNC REPLY_SYNTAX
Z: stopped client=0 server=7

== message lines have no limit
I: data
L: command_max=100
C: \{x*3000}\r\n.\r\n
E: DATA \{x*3000}\r\n
E: DATA_END 3002
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a run of sixty-four CRs behind a dot is as long as a line end gets
I: data
C: a\n.\{\r*70}\nb\r\n.\r\n
E: DATA a\n.\{\r*64}
E: POSSIBLE_END 1
E: DATA_LINE UNKNOWN +BARE_CR \r\r\r\r\r\r\n
E: DATA_LINE UNKNOWN b\r\n
E: DATA_END 77
S: 250 ok\r\n
E: REPLY 250 MESSAGE ok

== a server that floods: 421 and then more
I: helo
S: 421 closing\r\n250 ok\r\n
E: REPLY 421 closing
E: REPLY 250 ok
E: DESYNC REPLY_UNEXPECTED
Z: stopped client=0 server=0
