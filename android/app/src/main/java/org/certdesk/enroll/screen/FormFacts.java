package org.certdesk.enroll.screen;

import org.certdesk.enroll.R;
import org.certdesk.enroll.core.Enrollment;
import org.certdesk.enroll.core.Failure;
import org.certdesk.enroll.core.Form;

/** All that was filled in, to be read over. */
final class FormFacts {
    private FormFacts() {}

    static void show(Screen screen, Enrollment enrollment, Form form) throws Failure {
        screen.fact(R.id.organisation, enrollment.settings().name);
        screen.fact(R.id.country, RequestActivity.country(screen, enrollment));
        screen.fact(R.id.state, form.get(Form.Field.STATE_OR_PROVINCE));
        screen.fact(R.id.locality, form.get(Form.Field.LOCALITY));
        screen.fact(R.id.email, form.get(Form.Field.EMAIL));
        screen.fact(R.id.phone, form.get(Form.Field.PHONE));
        screen.fact(R.id.description, form.get(Form.Field.DESCRIPTION));
    }
}
