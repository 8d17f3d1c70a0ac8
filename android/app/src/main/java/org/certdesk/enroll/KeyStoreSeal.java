package org.certdesk.enroll;

import android.security.keystore.KeyGenParameterSpec;
import android.security.keystore.KeyProperties;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyStore;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.KeyGenerator;
import javax.crypto.spec.GCMParameterSpec;
import org.certdesk.enroll.core.Seal;

/** Seals with an AES key that Android's key store keeps, in hardware where there is some: it cannot be copied off. */
final class KeyStoreSeal implements Seal {
    private static final String STORE = "AndroidKeyStore";
    private static final String ALIAS = "renewal";
    private static final String CIPHER = "AES/GCM/NoPadding";
    private static final int VECTOR_BYTES = 12;
    private static final int TAG_BITS = 128;

    @Override
    public byte[] seal(byte[] clear) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance(CIPHER);
        cipher.init(Cipher.ENCRYPT_MODE, key());
        byte[] vector = cipher.getIV();
        byte[] closed = cipher.doFinal(clear);
        byte[] sealed = Arrays.copyOf(vector, vector.length + closed.length);
        System.arraycopy(closed, 0, sealed, vector.length, closed.length);
        return sealed;
    }

    @Override
    public byte[] open(byte[] sealed) throws GeneralSecurityException {
        if (sealed.length <= VECTOR_BYTES) {
            throw new GeneralSecurityException("nothing sealed");
        }
        Cipher cipher = Cipher.getInstance(CIPHER);
        cipher.init(Cipher.DECRYPT_MODE, key(), new GCMParameterSpec(TAG_BITS, sealed, 0, VECTOR_BYTES));
        return cipher.doFinal(sealed, VECTOR_BYTES, sealed.length - VECTOR_BYTES);
    }

    private static Key key() throws GeneralSecurityException {
        try {
            KeyStore store = KeyStore.getInstance(STORE);
            store.load(null);
            Key key = store.getKey(ALIAS, null);
            return key == null ? newKey() : key;
        } catch (IOException unreadable) {
            throw new GeneralSecurityException(unreadable);
        } catch (RuntimeException broken) { // makers' key stores throw what they like
            throw new GeneralSecurityException(broken);
        }
    }

    private static Key newKey() throws GeneralSecurityException {
        KeyGenerator generator = KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, STORE);
        generator.init(new KeyGenParameterSpec.Builder(
                        ALIAS, KeyProperties.PURPOSE_ENCRYPT | KeyProperties.PURPOSE_DECRYPT)
                .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
                .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
                .build());
        return generator.generateKey();
    }
}
