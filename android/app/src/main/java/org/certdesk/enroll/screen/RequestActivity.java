package org.certdesk.enroll.screen;

import android.content.Intent;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Map;
import org.certdesk.enroll.R;
import org.certdesk.enroll.Sentences;
import org.certdesk.enroll.core.Enrollment;
import org.certdesk.enroll.core.Enrollment.Stage;
import org.certdesk.enroll.core.Failure;
import org.certdesk.enroll.core.Form;
import org.certdesk.enroll.core.FormCheck;

/** The certificate request form. */
public final class RequestActivity extends Screen {
    @Override
    protected int layout() {
        return R.layout.request;
    }

    @Override
    protected EnumSet<Stage> stages() {
        return EnumSet.of(Stage.FORM, Stage.PENDING, Stage.DECLINED, Stage.UNSENT);
    }

    @Override
    protected void wire() {
        onClick(R.id.submit, this::submit);
        onClick(R.id.cancel, this::finish);
    }

    @Override
    protected void show(Enrollment enrollment) throws Failure {
        if (enrollment.stage() == Stage.UNSENT) { // it was sent from the screen above this one
            go(Screens.of(this, Stage.UNSENT));
            return;
        }
        if (!app().conditions().areMet()) {
            go(new Intent(this, ConditionsActivity.class));
            return;
        }
        fact(R.id.organisation, enrollment.settings().name);
        fact(R.id.country, country(this, enrollment));
        if (!wasShown()) {
            Form form = enrollment.form();
            for (Form.Field each : Form.Field.values()) {
                if (input(each).text().isEmpty()) {
                    input(each).setText(form.get(each));
                }
            }
        }
    }

    static String country(Screen screen, Enrollment enrollment) throws Failure {
        String code = enrollment.settings().country;
        Locale language = screen.getResources().getConfiguration().locale;
        return new Locale("", code).getDisplayCountry(language) + " (" + code + ")";
    }

    @Override
    protected void onPause() {
        if (wasShown()) {
            try {
                workflow().draft(typed());
            } catch (Failure full) {
                // The text is in the saved state too; the storage will be asked again.
            }
        }
        super.onPause();
    }

    /** Shows what the desk has against single fields at those. */
    @Override
    protected void tell(Failure failure) {
        super.tell(failure);
        for (Map.Entry<Form.Field, String> each : failure.fields.entrySet()) {
            input(each.getKey()).setProblem(each.getValue());
        }
    }

    private void submit() {
        Form form = FormCheck.normalise(typed());
        Map<Form.Field, FormCheck.Finding> findings = FormCheck.judge(form);
        Field first = null;
        for (Form.Field each : Form.Field.values()) {
            FormCheck.Finding finding = findings.get(each);
            input(each).setProblem(finding == null ? null : Sentences.of(this, finding));
            first = finding != null && first == null ? input(each) : first;
        }
        if (first != null) {
            first.input().requestFocus();
            return;
        }
        for (Form.Field each : Form.Field.values()) {
            input(each).setText(form.get(each)); // in the spelling that is sent
        }
        message(null);
        startActivity(new Intent(this, ConfirmationActivity.class));
    }

    private Form typed() {
        Map<Form.Field, String> texts = new EnumMap<>(Form.Field.class);
        for (Form.Field each : Form.Field.values()) {
            texts.put(each, input(each).text());
        }
        return new Form(texts);
    }

    private Field input(Form.Field each) {
        switch (each) {
            case STATE_OR_PROVINCE:
                return field(R.id.state);
            case LOCALITY:
                return field(R.id.locality);
            case EMAIL:
                return field(R.id.email);
            case PHONE:
                return field(R.id.phone);
            default:
                return field(R.id.description);
        }
    }
}
