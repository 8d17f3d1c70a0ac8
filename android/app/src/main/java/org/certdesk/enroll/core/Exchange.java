package org.certdesk.enroll.core;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.Charset;
import java.security.cert.CertificateException;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocketFactory;
import org.certdesk.enroll.core.Failure.Reason;

/**
 * One HTTP exchange that cannot hang, cannot swell and does not give up at the first broken connection.
 *
 * <p>Every call may be repeated: reading is harmless, and what is submitted carries a claim by which the desk knows it
 * again.
 */
final class Exchange {
    private static final int LARGEST_ANSWER = 256 * 1024;
    private static final int CONNECT_MILLISECONDS = 15_000;
    private static final int READ_MILLISECONDS = 20_000;
    private static final long LONGEST_NANOSECONDS = TimeUnit.SECONDS.toNanos(60);
    private static final long[] PAUSES = {500, 1500};

    /** A whole answer. */
    static final class Reply {
        final int status;
        final byte[] body;
        final String location;
        /** Seconds that the desk would like to be left alone; 0 if it does not say. */
        final int retryAfter;

        Reply(int status, byte[] body, String location, int retryAfter) {
            this.status = status;
            this.body = body;
            this.location = location;
            this.retryAfter = retryAfter;
        }

        String text() {
            return new String(body, Charset.forName("UTF-8"));
        }
    }

    private final SSLSocketFactory trust;
    private final String userAgent;
    private final Clock clock;

    Exchange(SSLSocketFactory trust, String userAgent, Clock clock) {
        this.trust = trust;
        this.userAgent = userAgent;
        this.clock = clock;
    }

    Reply get(URI uri, String accept, String claim) throws Failure {
        return patiently("GET", uri, accept, claim, null);
    }

    Reply post(URI uri, byte[] json, String claim) throws Failure {
        return patiently("POST", uri, "application/json", claim, json);
    }

    private Reply patiently(String method, URI uri, String accept, String claim, byte[] json) throws Failure {
        for (int attempt = 0; ; attempt++) {
            try {
                Reply reply = once(method, uri, accept, claim, json);
                if (!isPassing(reply.status) || attempt == PAUSES.length) {
                    return reply;
                }
            } catch (Failure failure) {
                boolean mayPass = failure.reason == Reason.UNREACHABLE || failure.reason == Reason.CUT_OFF;
                if (!mayPass || attempt == PAUSES.length) {
                    throw failure;
                }
            }
            pause(PAUSES[attempt]);
        }
    }

    private static boolean isPassing(int status) {
        return status == 502 || status == 503 || status == 504;
    }

    private void pause(long milliseconds) throws Failure {
        try {
            clock.pause(milliseconds);
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            throw new Failure(Reason.UNREACHABLE, "").causedBy(stopped);
        }
    }

    private Reply once(String method, URI uri, String accept, String claim, byte[] json) throws Failure {
        HttpURLConnection connection = null;
        try {
            connection = open(method, uri, accept, claim);
            if (json != null) {
                connection.setDoOutput(true);
                connection.setRequestProperty("Content-Type", "application/json");
                connection.setFixedLengthStreamingMode(json.length);
                try (OutputStream body = connection.getOutputStream()) {
                    body.write(json);
                }
            }
            int status = connection.getResponseCode();
            return new Reply(
                    status, read(connection, status), connection.getHeaderField("Location"), retryAfter(connection));
        } catch (SSLException unsafe) {
            throw new Failure(isUntrusted(unsafe) ? Reason.UNTRUSTED : Reason.UNREACHABLE, uri.getHost())
                    .causedBy(unsafe);
        } catch (IOException lost) {
            throw new Failure(Reason.UNREACHABLE, uri.getHost()).causedBy(lost);
        } finally {
            if (connection != null) {
                connection.disconnect();
            }
        }
    }

    private HttpURLConnection open(String method, URI uri, String accept, String claim) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection();
        if (connection instanceof HttpsURLConnection) {
            ((HttpsURLConnection) connection).setSSLSocketFactory(trust);
        }
        connection.setRequestMethod(method);
        connection.setInstanceFollowRedirects(false);
        connection.setUseCaches(false);
        connection.setConnectTimeout(CONNECT_MILLISECONDS);
        connection.setReadTimeout(READ_MILLISECONDS);
        connection.setRequestProperty("Accept", accept + ", application/problem+json");
        connection.setRequestProperty("Accept-Encoding", "identity"); // so that the length can be checked
        connection.setRequestProperty("Accept-Language", Locale.getDefault().getLanguage());
        connection.setRequestProperty("User-Agent", userAgent);
        if (!claim.isEmpty()) {
            connection.setRequestProperty("Authorization", "Bearer " + claim);
        }
        return connection;
    }

    private static byte[] read(HttpURLConnection connection, int status) throws Failure {
        String host = connection.getURL().getHost();
        long began = System.nanoTime();
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        try (InputStream stream = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            byte[] piece = new byte[8192];
            for (int count = 0; stream != null && count >= 0; count = stream.read(piece)) {
                body.write(piece, 0, count);
                if (body.size() > LARGEST_ANSWER) {
                    throw new Failure(Reason.TOO_LARGE, host);
                }
                if (System.nanoTime() - began > LONGEST_NANOSECONDS) {
                    throw new Failure(Reason.CUT_OFF, host);
                }
            }
        } catch (IOException broken) {
            throw new Failure(Reason.CUT_OFF, host).causedBy(broken);
        }
        int announced = connection.getContentLength();
        if (announced >= 0 && announced != body.size()) {
            throw new Failure(Reason.CUT_OFF, host);
        }
        return body.toByteArray();
    }

    private static int retryAfter(HttpURLConnection connection) {
        String value = connection.getHeaderField("Retry-After");
        return value != null && value.matches("[0-9]{1,6}") ? Integer.parseInt(value) : 0;
    }

    /** Tells whether the other side's certificate was the trouble, rather than the line. */
    private static boolean isUntrusted(Throwable error) {
        for (Throwable each = error; each != null; each = each.getCause()) {
            if (each instanceof CertificateException || each instanceof javax.net.ssl.SSLPeerUnverifiedException) {
                return true;
            }
        }
        return false;
    }
}
