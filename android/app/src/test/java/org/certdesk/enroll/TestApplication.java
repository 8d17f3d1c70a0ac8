package org.certdesk.enroll;

import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.certdesk.enroll.core.Clock;
import org.certdesk.enroll.core.Seal;

/** The app with a clock that can be set, a device whose conditions can be set, and a seal in software. */
public final class TestApplication extends EnrollApplication {
    /** Added to the real time, milliseconds; survives the app, as time does. */
    static long ahead;

    /** How often the app has waited before it tried again; it takes no time here. */
    static int pauses;

    static boolean screenLock = true;
    static final List<String> rootSigns = new ArrayList<>();
    static boolean sealWorks = true;

    static void reset() {
        ahead = 0;
        pauses = 0;
        screenLock = true;
        rootSigns.clear();
        sealWorks = true;
    }

    @Override
    protected Clock newClock() {
        return new Clock() {
            @Override
            public long now() {
                return System.currentTimeMillis() + ahead;
            }

            @Override
            public void pause(long milliseconds) {
                pauses++;
            }
        };
    }

    @Override
    protected Conditions newConditions() {
        return new Conditions(this) {
            @Override
            public boolean hasScreenLock() {
                return screenLock;
            }

            @Override
            public List<String> rootSigns() {
                return rootSigns;
            }
        };
    }

    @Override
    protected Seal newSeal() {
        return new SoftwareSeal();
    }

    /** There is no AndroidKeyStore on a JVM. */
    private static final class SoftwareSeal implements Seal {
        private static final byte[] KEY = "0123456789abcdef".getBytes();

        private static byte[] run(int mode, byte[] vector, byte[] octets) throws GeneralSecurityException {
            if (!sealWorks) {
                throw new GeneralSecurityException("the key store has lost its keys");
            }
            Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
            cipher.init(mode, new SecretKeySpec(KEY, "AES"), new GCMParameterSpec(128, vector));
            return cipher.doFinal(octets);
        }

        @Override
        public byte[] seal(byte[] clear) throws GeneralSecurityException {
            byte[] vector = new byte[12];
            new java.security.SecureRandom().nextBytes(vector);
            byte[] closed = run(Cipher.ENCRYPT_MODE, vector, clear);
            byte[] sealed = Arrays.copyOf(vector, 12 + closed.length);
            System.arraycopy(closed, 0, sealed, 12, closed.length);
            return sealed;
        }

        @Override
        public byte[] open(byte[] sealed) throws GeneralSecurityException {
            return run(
                    Cipher.DECRYPT_MODE,
                    Arrays.copyOf(sealed, 12),
                    Arrays.copyOfRange(sealed, 12, sealed.length));
        }
    }
}
