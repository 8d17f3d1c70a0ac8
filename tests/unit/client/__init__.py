"""The requester's side, against a hand-written desk on a loopback socket."""
