package org.certdesk.enroll.core;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.Charset;
import org.certdesk.enroll.core.Failure.Reason;

/** A small file in the app's private storage that is replaced as a whole or not at all. */
final class EnrollmentFile {
    private static final Charset UTF_8 = Charset.forName("UTF-8");

    private final File file;

    EnrollmentFile(File file) {
        this.file = file;
    }

    /** Returns the text, or an empty one if nothing has been written yet. */
    synchronized String read() throws Failure {
        try (InputStream stream = new FileInputStream(file)) {
            ByteArrayOutputStream content = new ByteArrayOutputStream();
            byte[] piece = new byte[8192];
            for (int count = stream.read(piece); count >= 0; count = stream.read(piece)) {
                content.write(piece, 0, count);
            }
            return new String(content.toByteArray(), UTF_8);
        } catch (FileNotFoundException nothingYet) {
            return "";
        } catch (IOException unreadable) {
            throw new Failure(Reason.STORAGE).causedBy(unreadable);
        }
    }

    /** Replaces the text; what was there stays if the storage is full or the power fails. */
    synchronized void write(String text) throws Failure {
        File fresh = new File(file.getPath() + ".new");
        try (FileOutputStream stream = new FileOutputStream(fresh)) {
            stream.write(text.getBytes(UTF_8));
            stream.getFD().sync();
        } catch (IOException full) {
            fresh.delete();
            throw new Failure(Reason.STORAGE).causedBy(full);
        }
        if (!fresh.renameTo(file)) {
            throw new Failure(Reason.STORAGE);
        }
    }
}
