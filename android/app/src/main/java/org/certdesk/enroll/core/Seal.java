package org.certdesk.enroll.core;

import java.security.GeneralSecurityException;

/**
 * Closes a key under one that only this device's hardware has, so that a renewal can prove it without the password.
 *
 * <p>On a phone that is Android's key store; it may lose its keys, then the password is asked for.
 */
public interface Seal {
    byte[] seal(byte[] clear) throws GeneralSecurityException;

    byte[] open(byte[] sealed) throws GeneralSecurityException;
}
