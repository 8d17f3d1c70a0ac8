"""Put a certificate where programs look for it: browsers' databases, a directory, the system's store.

One module per place. They are given a `Credential` and raise `CertdeskError` with what the person can
do; the foreign programs they call never learn the registration password, since what is handed to them
is a PKCS#12 file in a private temporary directory under a password made for that one moment.
"""
