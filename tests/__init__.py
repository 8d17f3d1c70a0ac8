"""What must hold.

`unit` mirrors the source and uses hand-written fakes; `integration` has real databases and in-process HTTP;
`interop` has programs that we did not write; `e2e` is the product as people use it.
"""
