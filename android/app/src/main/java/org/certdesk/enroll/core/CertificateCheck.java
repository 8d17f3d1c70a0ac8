package org.certdesk.enroll.core;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.edec.EdECObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.bouncycastle.cert.CertException;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.operator.ContentVerifierProvider;
import org.bouncycastle.operator.DefaultDigestAlgorithmIdentifierFinder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.bc.BcECContentVerifierProviderBuilder;
import org.bouncycastle.operator.bc.BcEdDSAContentVerifierProviderBuilder;
import org.bouncycastle.operator.bc.BcRSAContentVerifierProviderBuilder;
import org.certdesk.enroll.core.Failure.Reason;

/**
 * Decides whether what the desk delivered is the certificate that was asked for, before anything is replaced by it.
 *
 * <p>As {@code certdesk.client.verify}: key, validity, purpose, and the path to a trust anchor link by link
 * (RFC 5280 §6.1), by BouncyCastle alone, for old Androids know neither Ed25519 nor some curves.
 */
public final class CertificateCheck {
    private static final int LONGEST_CHAIN = 5;
    private static final Pattern PEM =
            Pattern.compile("-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\\s]*)-----END CERTIFICATE-----");
    private static final Set<ASN1ObjectIdentifier> UNDERSTOOD = new HashSet<>(Arrays.asList(
            Extension.basicConstraints,
            Extension.keyUsage,
            Extension.extendedKeyUsage,
            Extension.subjectAlternativeName,
            Extension.certificatePolicies));
    /** No SHA-1, no MD5: they collide. */
    private static final Set<ASN1ObjectIdentifier> SIGNATURES = new HashSet<>(Arrays.asList(
            X9ObjectIdentifiers.ecdsa_with_SHA256,
            X9ObjectIdentifiers.ecdsa_with_SHA384,
            X9ObjectIdentifiers.ecdsa_with_SHA512,
            PKCSObjectIdentifiers.sha256WithRSAEncryption,
            PKCSObjectIdentifiers.sha384WithRSAEncryption,
            PKCSObjectIdentifiers.sha512WithRSAEncryption,
            EdECObjectIdentifiers.id_Ed25519));

    private CertificateCheck() {}

    /**
     * Returns the certificate and its issuers, without the trust anchor, or fails.
     *
     * @param spki DER of the public key that we hold the private one of
     * @param now milliseconds since 1970
     */
    static List<X509CertificateHolder> verify(
            String unverifiedPem, String unverifiedChain, byte[] spki, List<byte[]> anchors, long now)
            throws Failure {
        List<X509CertificateHolder> found = read(unverifiedPem);
        if (found.size() != 1) {
            throw new Failure(Reason.CERTIFICATE_UNREADABLE);
        }
        try {
            X509CertificateHolder certificate = found.get(0);
            if (!Arrays.equals(certificate.getSubjectPublicKeyInfo().getEncoded(), spki)) {
                throw new Failure(Reason.CERTIFICATE_OTHER_KEY);
            }
            checkTime(certificate, now);
            checkPurpose(certificate);
            List<X509CertificateHolder> trusted = new ArrayList<>();
            for (byte[] anchor : anchors) {
                trusted.add(new X509CertificateHolder(anchor));
            }
            return path(certificate, read(unverifiedChain), trusted, now);
        } catch (IOException | RuntimeException unreadable) {
            throw new Failure(Reason.CERTIFICATE_UNREADABLE).causedBy(unreadable);
        }
    }

    /** Returns the certificates in a PEM text. */
    static List<X509CertificateHolder> read(String unverifiedPem) throws Failure {
        List<X509CertificateHolder> certificates = new ArrayList<>();
        Matcher block = PEM.matcher(unverifiedPem);
        try {
            while (block.find()) {
                X509CertificateHolder certificate = new X509CertificateHolder(Base64Text.decode(block.group(1)));
                extensions(certificate); // reads them, so that what cannot be read is noticed here
                certificates.add(certificate);
            }
        } catch (IOException | RuntimeException unreadable) {
            throw new Failure(Reason.CERTIFICATE_UNREADABLE).causedBy(unreadable);
        }
        return certificates;
    }

    static String pem(X509CertificateHolder certificate) {
        try {
            return Base64Text.pem("CERTIFICATE", certificate.getEncoded());
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static void checkTime(X509CertificateHolder certificate, long now) throws Failure {
        if (now < certificate.getNotBefore().getTime()) {
            throw new Failure(Reason.CERTIFICATE_NOT_YET_VALID, certificate.getNotBefore());
        }
        if (now > certificate.getNotAfter().getTime()) {
            throw new Failure(Reason.CERTIFICATE_EXPIRED, certificate.getNotAfter());
        }
    }

    private static void checkPurpose(X509CertificateHolder certificate) throws Failure {
        ExtendedKeyUsage usage = ExtendedKeyUsage.fromExtensions(extensions(certificate));
        if (usage == null || !usage.hasKeyPurposeId(KeyPurposeId.id_kp_clientAuth)) {
            throw new Failure(Reason.CERTIFICATE_PURPOSE);
        }
        if (isAuthority(certificate)) {
            throw new Failure(Reason.CERTIFICATE_AUTHORITY);
        }
    }

    private static List<X509CertificateHolder> path(
            X509CertificateHolder certificate,
            List<X509CertificateHolder> chain,
            List<X509CertificateHolder> anchors,
            long now)
            throws Failure {
        List<X509CertificateHolder> path = new ArrayList<>(Collections.singletonList(certificate));
        X509CertificateHolder current = certificate;
        while (issuerOf(current, anchors, path.size() - 1) == null) {
            List<X509CertificateHolder> candidates = new ArrayList<>(chain);
            candidates.removeAll(path);
            X509CertificateHolder issuer = issuerOf(current, candidates, path.size() - 1);
            if (issuer == null || path.size() > LONGEST_CHAIN) {
                throw new Failure(Reason.CERTIFICATE_UNTRUSTED);
            }
            checkTime(issuer, now);
            path.add(issuer);
            current = issuer;
        }
        return path;
    }

    /** Returns the one that may and did sign, with {@code below} authorities between it and the end entity, or null. */
    private static X509CertificateHolder issuerOf(
            X509CertificateHolder subject, List<X509CertificateHolder> candidates, int below) {
        for (X509CertificateHolder issuer : candidates) {
            if (maySign(issuer, below) && !hasUnknownCriticalExtension(subject) && hasSigned(issuer, subject)) {
                return issuer;
            }
        }
        return null;
    }

    private static boolean isAuthority(X509CertificateHolder certificate) {
        BasicConstraints constraints = BasicConstraints.fromExtensions(extensions(certificate));
        return constraints != null && constraints.isCA();
    }

    private static boolean maySign(X509CertificateHolder issuer, int below) {
        BasicConstraints constraints = BasicConstraints.fromExtensions(extensions(issuer));
        KeyUsage usage = KeyUsage.fromExtensions(extensions(issuer));
        return isAuthority(issuer)
                && (constraints.getPathLenConstraint() == null
                        || constraints.getPathLenConstraint().intValue() >= below)
                && (usage == null || usage.hasUsages(KeyUsage.keyCertSign));
    }

    private static boolean hasUnknownCriticalExtension(X509CertificateHolder certificate) {
        return !UNDERSTOOD.containsAll(certificate.getCriticalExtensionOIDs());
    }

    private static boolean hasSigned(X509CertificateHolder issuer, X509CertificateHolder subject) {
        if (!issuer.getSubject().equals(subject.getIssuer())
                || !SIGNATURES.contains(subject.getSignatureAlgorithm().getAlgorithm())) {
            return false;
        }
        try {
            return subject.isSignatureValid(verifier(issuer));
        } catch (CertException | IOException | OperatorCreationException | RuntimeException unverifiable) {
            return false;
        }
    }

    private static ContentVerifierProvider verifier(X509CertificateHolder issuer)
            throws IOException, OperatorCreationException {
        SubjectPublicKeyInfo key = issuer.getSubjectPublicKeyInfo();
        ASN1ObjectIdentifier algorithm = key.getAlgorithm().getAlgorithm();
        if (algorithm.equals(EdECObjectIdentifiers.id_Ed25519)) {
            return new BcEdDSAContentVerifierProviderBuilder().build(issuer);
        }
        DefaultDigestAlgorithmIdentifierFinder digests = new DefaultDigestAlgorithmIdentifierFinder();
        return algorithm.equals(PKCSObjectIdentifiers.rsaEncryption)
                ? new BcRSAContentVerifierProviderBuilder(digests).build(issuer)
                : new BcECContentVerifierProviderBuilder(digests).build(issuer);
    }

    private static Extensions extensions(X509CertificateHolder certificate) {
        Extensions extensions = certificate.getExtensions();
        return extensions == null ? new Extensions(new Extension[0]) : extensions;
    }
}
