"""Pure checks of what may become a certificate, and of who may be registered.

Every judgement returns the list of all that is wrong, so a requester can mend it in one go; an empty
list means yes. The registration authority asks at submit and again at approve, and raises.
"""
