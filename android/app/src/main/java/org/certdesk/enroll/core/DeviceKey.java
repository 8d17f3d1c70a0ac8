package org.certdesk.enroll.core;

import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.spec.RSAKeyGenParameterSpec;
import java.util.Arrays;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.edec.EdECObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.sec.SECObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.RDN;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.bouncycastle.crypto.AsymmetricCipherKeyPair;
import org.bouncycastle.crypto.CryptoException;
import org.bouncycastle.crypto.Signer;
import org.bouncycastle.crypto.digests.SHA256Digest;
import org.bouncycastle.crypto.ec.CustomNamedCurves;
import org.bouncycastle.crypto.generators.ECKeyPairGenerator;
import org.bouncycastle.crypto.params.AsymmetricKeyParameter;
import org.bouncycastle.crypto.params.ECKeyGenerationParameters;
import org.bouncycastle.crypto.params.ECNamedDomainParameters;
import org.bouncycastle.crypto.params.ECPrivateKeyParameters;
import org.bouncycastle.crypto.params.ECPublicKeyParameters;
import org.bouncycastle.crypto.params.Ed25519PrivateKeyParameters;
import org.bouncycastle.crypto.params.RSAKeyParameters;
import org.bouncycastle.crypto.params.RSAPrivateCrtKeyParameters;
import org.bouncycastle.crypto.signers.DSADigestSigner;
import org.bouncycastle.crypto.signers.ECDSASigner;
import org.bouncycastle.crypto.signers.Ed25519Signer;
import org.bouncycastle.crypto.signers.HMacDSAKCalculator;
import org.bouncycastle.crypto.signers.RSADigestSigner;
import org.bouncycastle.crypto.signers.StandardDSAEncoding;
import org.bouncycastle.crypto.util.PrivateKeyFactory;
import org.bouncycastle.crypto.util.PrivateKeyInfoFactory;
import org.bouncycastle.crypto.util.SubjectPublicKeyInfoFactory;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.pkcs.PKCS10CertificationRequestBuilder;
import org.certdesk.enroll.core.Failure.Reason;

/** A private key of this device, in clear, for as long as it is being used. */
public final class DeviceKey {
    private static final byte[] RENEWAL = {
        'c', 'e', 'r', 't', 'd', 'e', 's', 'k', ' ', 'r', 'e', 'n', 'e', 'w', 'a', 'l', ' ', '1', '\n'
    };

    private final AsymmetricKeyParameter key;
    private final PrivateKeyInfo info;
    private final SubjectPublicKeyInfo publicInfo;

    private DeviceKey(AsymmetricKeyParameter key) throws IOException {
        this.key = key;
        // The public key goes in for the curve's sake: without it, some readers cannot tell which key this is.
        this.info = PrivateKeyInfoFactory.createPrivateKeyInfo(key);
        this.publicInfo = SubjectPublicKeyInfoFactory.createSubjectPublicKeyInfo(publicKeyOf(key));
    }

    /** Makes a key. */
    public static DeviceKey generate(KeyType type, SecureRandom random) throws Failure {
        try {
            switch (type) {
                case EC_P256:
                    return generateP256(random);
                case ED25519:
                    return new DeviceKey(new Ed25519PrivateKeyParameters(random));
                default:
                    return generateRsa(Integer.parseInt(type.label.substring("RSA ".length())), random);
            }
        } catch (IOException | GeneralSecurityException defect) {
            throw new Failure(Reason.DEFECT).causedBy(defect);
        }
    }

    private static DeviceKey generateP256(SecureRandom random) throws IOException {
        ECKeyPairGenerator generator = new ECKeyPairGenerator();
        ECNamedDomainParameters curve = new ECNamedDomainParameters(
                SECObjectIdentifiers.secp256r1, CustomNamedCurves.getByOID(SECObjectIdentifiers.secp256r1));
        generator.init(new ECKeyGenerationParameters(curve, random));
        AsymmetricCipherKeyPair pair = generator.generateKeyPair();
        return new DeviceKey(pair.getPrivate());
    }

    /** Makes an RSA key by the platform's provider, whose arithmetic is native: seconds faster on a phone. */
    private static DeviceKey generateRsa(int bits, SecureRandom random) throws IOException, GeneralSecurityException {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(new RSAKeyGenParameterSpec(bits, RSAKeyGenParameterSpec.F4), random);
        return fromPkcs8(generator.generateKeyPair().getPrivate().getEncoded());
    }

    /** Reads a PrivateKeyInfo, DER. */
    static DeviceKey fromPkcs8(byte[] der) throws IOException {
        try {
            return new DeviceKey(PrivateKeyFactory.createKey(der));
        } catch (RuntimeException malformed) {
            throw new IOException("no private key", malformed);
        }
    }

    private static AsymmetricKeyParameter publicKeyOf(AsymmetricKeyParameter key) throws IOException {
        if (key instanceof ECPrivateKeyParameters) {
            ECPrivateKeyParameters ec = (ECPrivateKeyParameters) key;
            return new ECPublicKeyParameters(
                    ec.getParameters().getG().multiply(ec.getD()).normalize(), ec.getParameters());
        }
        if (key instanceof RSAPrivateCrtKeyParameters) {
            RSAPrivateCrtKeyParameters rsa = (RSAPrivateCrtKeyParameters) key;
            return new RSAKeyParameters(false, rsa.getModulus(), rsa.getPublicExponent());
        }
        if (key instanceof Ed25519PrivateKeyParameters) {
            return ((Ed25519PrivateKeyParameters) key).generatePublicKey();
        }
        throw new IOException("a key of a type that this app never makes");
    }

    PrivateKeyInfo privateKeyInfo() {
        return info;
    }

    /** Returns the PrivateKeyInfo, DER. */
    byte[] pkcs8() throws IOException {
        return info.getEncoded(ASN1Encoding.DER);
    }

    /** Returns the SubjectPublicKeyInfo, DER. */
    byte[] spki() {
        try {
            return publicInfo.getEncoded(ASN1Encoding.DER);
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** Signs as CSRs and renewals ask for: ECDSA or RSASSA-PKCS1-v1_5 with SHA-256, or Ed25519. */
    byte[] sign(byte[] octets) {
        Signer signer = signer();
        signer.init(true, key);
        signer.update(octets, 0, octets.length);
        try {
            return signer.generateSignature();
        } catch (CryptoException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private Signer signer() {
        if (key instanceof ECPrivateKeyParameters) {
            ECDSASigner ecdsa = new ECDSASigner(new HMacDSAKCalculator(new SHA256Digest())); // RFC 6979
            return new DSADigestSigner(ecdsa, new SHA256Digest(), StandardDSAEncoding.INSTANCE);
        }
        return key instanceof RSAKeyParameters ? new RSADigestSigner(new SHA256Digest()) : new Ed25519Signer();
    }

    private AlgorithmIdentifier signatureAlgorithm() {
        ASN1ObjectIdentifier algorithm = publicInfo.getAlgorithm().getAlgorithm();
        if (algorithm.equals(PKCSObjectIdentifiers.rsaEncryption)) {
            return new AlgorithmIdentifier(PKCSObjectIdentifiers.sha256WithRSAEncryption, DERNull.INSTANCE);
        }
        return new AlgorithmIdentifier(
                algorithm.equals(EdECObjectIdentifiers.id_Ed25519) ? algorithm : X9ObjectIdentifiers.ecdsa_with_SHA256);
    }

    /** Signs the renewal of this key's certificate with a new CSR, DER; as {@code certdesk.wire.renewal}. */
    byte[] signRenewal(byte[] csr) {
        byte[] octets = Arrays.copyOf(RENEWAL, RENEWAL.length + csr.length);
        System.arraycopy(csr, 0, octets, RENEWAL.length, csr.length);
        return sign(octets);
    }

    /** Returns a PKCS#10 CSR, DER, without a name: the desk builds the subject itself. */
    byte[] csr() throws Failure {
        try {
            return new PKCS10CertificationRequestBuilder(X500Name.getInstance(new X500Name(new RDN[0])), publicInfo)
                    .build(new KeySigner())
                    .getEncoded();
        } catch (IOException impossible) {
            throw new Failure(Reason.DEFECT).causedBy(impossible);
        }
    }

    /** Signs what is written to it. */
    private final class KeySigner implements ContentSigner {
        private final java.io.ByteArrayOutputStream octets = new java.io.ByteArrayOutputStream();

        @Override
        public AlgorithmIdentifier getAlgorithmIdentifier() {
            return signatureAlgorithm();
        }

        @Override
        public java.io.OutputStream getOutputStream() {
            return octets;
        }

        @Override
        public byte[] getSignature() {
            return sign(octets.toByteArray());
        }
    }
}
