package org.certdesk.enroll.screen;

import java.util.ArrayList;
import java.util.List;
import org.certdesk.enroll.R;
import org.certdesk.enroll.Sentences;
import org.certdesk.enroll.core.Password;

/** A password that is chosen: by the rule, and typed twice. */
final class NewPassword {
    private NewPassword() {}

    /** Returns whether the two fields hold one; otherwise what is wrong stands at the fields. */
    static boolean check(Screen screen) {
        String password = Password.prepare(screen.field(R.id.password).text());
        List<String> sentences = new ArrayList<>();
        for (Password.Lack lack : Password.lacks(password)) {
            sentences.add(Sentences.of(screen, lack));
        }
        boolean same = password.equals(Password.prepare(screen.field(R.id.repeat).text()));
        screen.field(R.id.password).setProblem(sentences.isEmpty() ? null : join(sentences));
        screen.field(R.id.repeat).setProblem(same ? null : screen.getString(R.string.lack_same));
        if (!sentences.isEmpty()) {
            screen.field(R.id.password).input().requestFocus();
        } else if (!same) {
            screen.field(R.id.repeat).input().requestFocus();
        }
        return same && sentences.isEmpty();
    }

    private static String join(List<String> sentences) {
        StringBuilder text = new StringBuilder();
        for (String sentence : sentences) {
            text.append(text.length() == 0 ? "" : "\n").append(sentence);
        }
        return text.toString();
    }
}
