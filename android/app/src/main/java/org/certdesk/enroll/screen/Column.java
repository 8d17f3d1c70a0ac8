package org.certdesk.enroll.screen;

import android.content.Context;
import android.util.AttributeSet;
import android.widget.LinearLayout;
import org.certdesk.enroll.R;

/** A column of text and fields that does not grow wider than is easy to read, on tablets and in landscape. */
public final class Column extends LinearLayout {
    public Column(Context context, AttributeSet attributes) {
        super(context, attributes);
    }

    @Override
    protected void onMeasure(int width, int height) {
        int widest = getResources().getDimensionPixelSize(R.dimen.column) + getPaddingLeft() + getPaddingRight();
        int allowed = Math.min(MeasureSpec.getSize(width), widest);
        super.onMeasure(MeasureSpec.makeMeasureSpec(allowed, MeasureSpec.getMode(width)), height);
    }
}
