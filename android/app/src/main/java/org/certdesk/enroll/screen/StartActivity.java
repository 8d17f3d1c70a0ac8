package org.certdesk.enroll.screen;

import java.util.EnumSet;
import org.certdesk.enroll.R;
import org.certdesk.enroll.core.Enrollment;
import org.certdesk.enroll.core.Enrollment.Stage;

/** The way in: goes on where the enrollment stands, and stays only if what is stored cannot be read. */
public final class StartActivity extends Screen {
    @Override
    protected int layout() {
        return R.layout.start;
    }

    @Override
    protected EnumSet<Stage> stages() {
        return EnumSet.noneOf(Stage.class);
    }

    @Override
    protected void wire() {
        onClick(R.id.again, this::onWork);
        wireStartOver(R.id.start_over);
    }

    @Override
    protected void show(Enrollment enrollment) {}
}
