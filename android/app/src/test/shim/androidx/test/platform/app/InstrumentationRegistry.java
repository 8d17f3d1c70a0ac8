package androidx.test.platform.app;

import android.app.Instrumentation;
import android.os.Bundle;

/** As much of androidx.test:monitor as Robolectric calls: that library is not on Maven Central. */
public final class InstrumentationRegistry {
    private static Instrumentation instrumentation;
    private static Bundle arguments = new Bundle();

    private InstrumentationRegistry() {}

    public static void registerInstance(Instrumentation instance, Bundle given) {
        instrumentation = instance;
        arguments = given;
    }

    public static Instrumentation getInstrumentation() {
        return instrumentation;
    }

    public static Bundle getArguments() {
        return arguments;
    }
}
