package org.certdesk.enroll.core;

import java.io.IOException;
import java.security.SecureRandom;
import java.util.List;
import org.bouncycastle.asn1.DERBMPString;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.pkcs.ContentInfo;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.crypto.digests.SHA1Digest;
import org.bouncycastle.crypto.engines.DESedeEngine;
import org.bouncycastle.crypto.modes.CBCBlockCipher;
import org.bouncycastle.operator.OutputEncryptor;
import org.bouncycastle.pkcs.PKCS12PfxPdu;
import org.bouncycastle.pkcs.PKCS12PfxPduBuilder;
import org.bouncycastle.pkcs.PKCS12SafeBag;
import org.bouncycastle.pkcs.PKCS12SafeBagBuilder;
import org.bouncycastle.pkcs.PKCS12SafeBagFactory;
import org.bouncycastle.pkcs.PKCS8EncryptedPrivateKeyInfo;
import org.bouncycastle.pkcs.PKCSException;
import org.bouncycastle.pkcs.bc.BcPKCS12MacCalculatorBuilder;
import org.bouncycastle.pkcs.bc.BcPKCS12PBEOutputEncryptorBuilder;
import org.certdesk.enroll.core.Failure.Reason;

/** Key and certificate in one PKCS#12 file (RFC 7292). */
public final class Pkcs12 {
    private static final int ROUNDS = 2048;

    private Pkcs12() {}

    /**
     * Returns the form that is kept: the key under {@link PasswordCipher}, and no MAC.
     *
     * <p>A PKCS#12 MAC hashes the password far faster than scrypt does: it would be the door for whoever guesses.
     */
    static byte[] kept(DeviceKey key, List<X509CertificateHolder> path, String password, SecureRandom random)
            throws IOException, PKCSException {
        return builder(key, path, PasswordCipher.encryptor(password, random)).build(null, null).getEncoded();
    }

    /**
     * Returns the form that every Android reads (up to 13 they take AES for a wrong password): 3DES and SHA-1.
     *
     * <p>It is handed to the system or to a sibling app in memory and never stored.
     */
    static byte[] handedOver(DeviceKey key, List<X509CertificateHolder> path, String password, SecureRandom random)
            throws IOException, PKCSException {
        BcPKCS12PBEOutputEncryptorBuilder encryptor = new BcPKCS12PBEOutputEncryptorBuilder(
                PKCSObjectIdentifiers.pbeWithSHAAnd3_KeyTripleDES_CBC,
                CBCBlockCipher.newInstance(new DESedeEngine()));
        OutputEncryptor encryption =
                encryptor.setIterationCount(ROUNDS).build(password.toCharArray());
        BcPKCS12MacCalculatorBuilder mac = new BcPKCS12MacCalculatorBuilder(
                new SHA1Digest(),
                new org.bouncycastle.asn1.x509.AlgorithmIdentifier(
                        org.bouncycastle.asn1.oiw.OIWObjectIdentifiers.idSHA1,
                        org.bouncycastle.asn1.DERNull.INSTANCE));
        return builder(key, path, encryption)
                .build(mac.setIterationCount(ROUNDS), password.toCharArray())
                .getEncoded();
    }

    private static PKCS12PfxPduBuilder builder(
            DeviceKey key, List<X509CertificateHolder> path, OutputEncryptor encryption) throws IOException {
        byte[] digest = Digests.sha256(key.spki());
        DEROctetString keyId = new DEROctetString(java.util.Arrays.copyOf(digest, 20));
        DERBMPString name = new DERBMPString("certdesk");
        PKCS12SafeBagBuilder keyBag = new PKCS12SafeBagBuilder(key.privateKeyInfo(), encryption);
        keyBag.addBagAttribute(PKCS12SafeBag.friendlyNameAttribute, name);
        keyBag.addBagAttribute(PKCS12SafeBag.localKeyIdAttribute, keyId);
        PKCS12SafeBag[] certificates = new PKCS12SafeBag[path.size()];
        for (int at = 0; at < certificates.length; at++) {
            PKCS12SafeBagBuilder bag = new PKCS12SafeBagBuilder(path.get(at));
            if (at == 0) {
                bag.addBagAttribute(PKCS12SafeBag.friendlyNameAttribute, name);
                bag.addBagAttribute(PKCS12SafeBag.localKeyIdAttribute, keyId);
            }
            certificates[at] = bag.build();
        }
        PKCS12PfxPduBuilder builder = new PKCS12PfxPduBuilder();
        builder.addData(keyBag.build());
        for (PKCS12SafeBag certificate : certificates) {
            builder.addData(certificate);
        }
        return builder;
    }

    /** Returns the key of the form that is kept, or fails with {@code WRONG_PASSWORD}. */
    static DeviceKey unlock(byte[] kept, String password) throws Failure {
        try {
            for (ContentInfo content : new PKCS12PfxPdu(kept).getContentInfos()) {
                for (PKCS12SafeBag bag : new PKCS12SafeBagFactory(content).getSafeBags()) {
                    Object value = bag.getBagValue();
                    if (value instanceof PKCS8EncryptedPrivateKeyInfo) {
                        return PasswordCipher.unlock(((PKCS8EncryptedPrivateKeyInfo) value).getEncoded(), password);
                    }
                }
            }
        } catch (IOException | RuntimeException damaged) {
            throw new Failure(Reason.DAMAGED).causedBy(damaged);
        }
        throw new Failure(Reason.DAMAGED);
    }
}
