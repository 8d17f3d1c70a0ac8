package org.certdesk.enroll;

import android.content.Context;
import java.text.DateFormat;
import java.util.Date;
import java.util.Locale;
import org.certdesk.enroll.core.Failure;
import org.certdesk.enroll.core.FormCheck;
import org.certdesk.enroll.core.Password;

/** The sentences for what the core says in words, found by their names; a test holds every language to all of them. */
public final class Sentences {
    private Sentences() {}

    public static String of(Context context, Failure failure) {
        return text(context, "failure_", failure.reason, failure.values);
    }

    public static String of(Context context, FormCheck.Finding finding) {
        return text(context, "problem_", finding.problem, finding.values);
    }

    public static String of(Context context, Password.Lack lack) {
        return text(context, "lack_", lack);
    }

    public static String date(Context context, Date date) {
        return DateFormat.getDateTimeInstance(
                        DateFormat.LONG,
                        DateFormat.SHORT,
                        context.getResources().getConfiguration().locale)
                .format(date);
    }

    private static String text(Context context, String prefix, Enum<?> name, Object... values) {
        String resource = prefix + name.name().toLowerCase(Locale.ROOT);
        int id = context.getResources().getIdentifier(resource, "string", context.getPackageName());
        Object[] shown = values.clone();
        for (int at = 0; at < shown.length; at++) {
            shown[at] = shown[at] instanceof Date ? date(context, (Date) shown[at]) : shown[at];
        }
        return context.getString(id, shown);
    }
}
