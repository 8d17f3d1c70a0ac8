package org.certdesk.enroll.core;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.Charset;
import java.security.SecureRandom;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.misc.MiscObjectIdentifiers;
import org.bouncycastle.asn1.misc.ScryptParams;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.EncryptionScheme;
import org.bouncycastle.asn1.pkcs.KeyDerivationFunc;
import org.bouncycastle.asn1.pkcs.PBES2Parameters;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.crypto.engines.AESEngine;
import org.bouncycastle.crypto.generators.SCrypt;
import org.bouncycastle.crypto.io.CipherInputStream;
import org.bouncycastle.crypto.io.CipherOutputStream;
import org.bouncycastle.crypto.modes.CBCBlockCipher;
import org.bouncycastle.crypto.paddings.PaddedBufferedBlockCipher;
import org.bouncycastle.crypto.params.KeyParameter;
import org.bouncycastle.crypto.params.ParametersWithIV;
import org.bouncycastle.operator.GenericKey;
import org.bouncycastle.operator.InputDecryptor;
import org.bouncycastle.operator.InputDecryptorProvider;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.OutputEncryptor;
import org.bouncycastle.pkcs.PKCS8EncryptedPrivateKeyInfo;
import org.bouncycastle.pkcs.PKCS8EncryptedPrivateKeyInfoBuilder;
import org.bouncycastle.pkcs.PKCSException;
import org.certdesk.enroll.core.Failure.Reason;

/**
 * Encryption under the registration password: PBES2 with scrypt and AES-256-CBC (RFC 7914 §7, RFC 8018 §6.2).
 *
 * <p>The same as the desktop client's keys, so OpenSSL reads them. A guess costs 16 MiB and about a second on a phone.
 */
final class PasswordCipher {
    private static final int COST = 1 << 14;
    private static final int BLOCK_SIZE = 8;
    private static final int PARALLELISM = 5;
    /** Most work that a stored file may ask for, so that a forged one cannot use up the memory. */
    private static final long MOST_BYTES = 64L << 20;

    private PasswordCipher() {}

    /** Returns an EncryptedPrivateKeyInfo, DER. */
    static byte[] lock(DeviceKey key, String password, SecureRandom random) throws IOException {
        return new PKCS8EncryptedPrivateKeyInfoBuilder(key.privateKeyInfo())
                .build(encryptor(password, random))
                .getEncoded();
    }

    /** Reads an EncryptedPrivateKeyInfo, or fails with {@code WRONG_PASSWORD}. */
    static DeviceKey unlock(byte[] locked, String password) throws Failure {
        try {
            PKCS8EncryptedPrivateKeyInfo info = new PKCS8EncryptedPrivateKeyInfo(locked);
            return DeviceKey.fromPkcs8(info.decryptPrivateKeyInfo(decryptor(password)).getEncoded());
        } catch (IOException | PKCSException | RuntimeException wrong) {
            throw new Failure(Reason.WRONG_PASSWORD);
        }
    }

    static OutputEncryptor encryptor(String password, SecureRandom random) {
        byte[] salt = new byte[16];
        byte[] vector = new byte[16];
        random.nextBytes(salt);
        random.nextBytes(vector);
        ScryptParams scrypt = new ScryptParams(salt, COST, BLOCK_SIZE, PARALLELISM, 32);
        AlgorithmIdentifier algorithm = new AlgorithmIdentifier(
                PKCSObjectIdentifiers.id_PBES2,
                new PBES2Parameters(
                        new KeyDerivationFunc(MiscObjectIdentifiers.id_scrypt, scrypt),
                        new EncryptionScheme(NISTObjectIdentifiers.id_aes256_CBC, new DEROctetString(vector))));
        byte[] secret = derive(scrypt, password);
        return new Encryptor(algorithm, secret, vector);
    }

    static InputDecryptorProvider decryptor(final String password) {
        return new InputDecryptorProvider() {
            @Override
            public InputDecryptor get(AlgorithmIdentifier algorithm) throws OperatorCreationException {
                try {
                    return decryptor(algorithm, password);
                } catch (RuntimeException unknown) {
                    throw new OperatorCreationException("not encrypted by this app", unknown);
                }
            }
        };
    }

    private static InputDecryptor decryptor(final AlgorithmIdentifier algorithm, String password) {
        PBES2Parameters parameters = PBES2Parameters.getInstance(algorithm.getParameters());
        ASN1ObjectIdentifier scheme = parameters.getEncryptionScheme().getAlgorithm();
        ScryptParams scrypt = ScryptParams.getInstance(parameters.getKeyDerivationFunc().getParameters());
        if (!parameters.getKeyDerivationFunc().getAlgorithm().equals(MiscObjectIdentifiers.id_scrypt)
                || !scheme.equals(NISTObjectIdentifiers.id_aes256_CBC)
                || scrypt.getCostParameter().longValue() * scrypt.getBlockSize().longValue() * 128 > MOST_BYTES) {
            throw new IllegalArgumentException("not encrypted by this app");
        }
        byte[] vector = DEROctetString.getInstance(parameters.getEncryptionScheme().getParameters()).getOctets();
        final PaddedBufferedBlockCipher cipher = cipher(false, derive(scrypt, password), vector);
        return new InputDecryptor() {
            @Override
            public AlgorithmIdentifier getAlgorithmIdentifier() {
                return algorithm;
            }

            @Override
            public InputStream getInputStream(InputStream encrypted) {
                return new CipherInputStream(encrypted, cipher);
            }
        };
    }

    private static byte[] derive(ScryptParams scrypt, String password) {
        return SCrypt.generate(
                password.getBytes(Charset.forName("UTF-8")),
                scrypt.getSalt(),
                scrypt.getCostParameter().intValue(),
                scrypt.getBlockSize().intValue(),
                scrypt.getParallelizationParameter().intValue(),
                32);
    }

    private static PaddedBufferedBlockCipher cipher(boolean encrypts, byte[] secret, byte[] vector) {
        PaddedBufferedBlockCipher cipher =
                new PaddedBufferedBlockCipher(CBCBlockCipher.newInstance(AESEngine.newInstance()));
        cipher.init(encrypts, new ParametersWithIV(new KeyParameter(secret), vector));
        return cipher;
    }

    private static final class Encryptor implements OutputEncryptor {
        private final AlgorithmIdentifier algorithm;
        private final byte[] secret;
        private final byte[] vector;

        Encryptor(AlgorithmIdentifier algorithm, byte[] secret, byte[] vector) {
            this.algorithm = algorithm;
            this.secret = secret;
            this.vector = vector;
        }

        @Override
        public AlgorithmIdentifier getAlgorithmIdentifier() {
            return algorithm;
        }

        @Override
        public OutputStream getOutputStream(OutputStream encrypted) {
            return new CipherOutputStream(encrypted, cipher(true, secret, vector));
        }

        @Override
        public GenericKey getKey() {
            return new GenericKey(algorithm, secret);
        }
    }
}
