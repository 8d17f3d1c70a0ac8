package org.certdesk.enroll;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.io.File;
import java.io.FileInputStream;
import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.codehaus.mojo.animal_sniffer.ClassListBuilder;
import org.codehaus.mojo.animal_sniffer.SignatureChecker;
import org.codehaus.mojo.animal_sniffer.logging.Logger;
import org.junit.Test;

/** The APK's dex, turned back into Java's bytecode: sound, and content with what Android 6 has. */
public class ShippedBytecodeTest {
    private static final File SHIPPED = new File(System.getProperty("shipped.jar"));
    /** Calls of newer Androids, each behind a look at SDK_INT; reviewed one by one. */
    private static final List<String> GUARDED = List.of(
            "void android.app.Notification.Builder.<init>(android.content.Context, String)",
            "void android.app.NotificationChannel.<init>(String, CharSequence, int)",
            "android.app.NotificationChannel",
            "void android.app.NotificationManager.createNotificationChannel(android.app.NotificationChannel)",
            "void android.widget.EditText.setAutofillHints(String[])",
            "void android.widget.EditText.setImportantForAutofill(int)");

    /** Every class passes the verifier of a JVM. */
    @Test
    public void isVerified() throws Exception {
        int count = 0;
        URL[] urls = {SHIPPED.toURI().toURL(), new File(System.getProperty("framework.jar")).toURI().toURL()};
        try (URLClassLoader loader = new URLClassLoader(urls, ClassLoader.getPlatformClassLoader());
                JarFile jar = new JarFile(SHIPPED)) {
            for (JarEntry entry : Collections.list(jar.entries())) {
                if (entry.getName().endsWith(".class")) {
                    String name = entry.getName().replace('/', '.').replaceAll("\\.class$", "");
                    Class.forName(name, false, loader).getDeclaredMethods(); // links, and so verifies
                    count++;
                }
            }
        }
        assertTrue("too few classes: " + count, count > 500);
    }

    /** Nothing is called that Android 6 lacks, but for what stands behind a look at the version. */
    @Test
    public void asksNoMoreThanAndroid6() throws Exception {
        TreeSet<String> undefined = new TreeSet<>();
        Logger collector = new Logger() {
            @Override
            public void error(String message) {
                undefined.add(message.replaceAll("^.*Undefined reference: ", ""));
            }

            @Override
            public void error(String message, Throwable cause) {
                error(message);
            }

            @Override
            public void info(String message) {}

            @Override
            public void info(String message, Throwable cause) {}

            @Override
            public void debug(String message) {}

            @Override
            public void debug(String message, Throwable cause) {}

            @Override
            public void warn(String message) {}

            @Override
            public void warn(String message, Throwable cause) {}
        };
        ClassListBuilder shipped = new ClassListBuilder(collector);
        shipped.process(SHIPPED);
        try (InputStream signatures = new FileInputStream(System.getProperty("api.signature"))) {
            new SignatureChecker(signatures, shipped.getPackages(), collector).process(SHIPPED);
        }
        undefined.removeAll(GUARDED);
        assertEquals(new TreeSet<String>(), undefined);
    }
}
