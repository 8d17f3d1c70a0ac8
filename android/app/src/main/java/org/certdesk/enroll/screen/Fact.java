package org.certdesk.enroll.screen;

import android.content.Context;
import android.content.res.TypedArray;
import android.util.AttributeSet;
import android.util.TypedValue;
import android.widget.LinearLayout;
import android.widget.TextView;
import org.certdesk.enroll.R;

/** A label with a value below it, read out together; without a value it takes no room. */
public final class Fact extends LinearLayout {
    private final TextView value;

    public Fact(Context context, AttributeSet attributes) {
        super(context, attributes);
        setOrientation(VERTICAL);
        setFocusable(true); // one stop for a screen reader
        TypedArray values = context.obtainStyledAttributes(attributes, R.styleable.Fact);
        TextView label = text(14, R.color.text_quiet);
        label.setText(values.getString(R.styleable.Fact_label));
        values.recycle();
        value = text(16, R.color.text);
        value.setTextIsSelectable(true);
        value.setTextDirection(TEXT_DIRECTION_FIRST_STRONG_LTR); // or a telephone number would end in its +
        addView(label);
        addView(value);
        setPadding(0, 0, 0, Math.round(10 * getResources().getDisplayMetrics().density));
        setVisibility(GONE);
    }

    private TextView text(int size, int color) {
        TextView view = new TextView(getContext());
        view.setTextSize(TypedValue.COMPLEX_UNIT_SP, size);
        view.setTextColor(getContext().getColor(color));
        view.setTextAlignment(TEXT_ALIGNMENT_VIEW_START);
        return view;
    }

    public void set(String text) {
        value.setText(text);
        setVisibility(text == null || text.isEmpty() ? GONE : VISIBLE);
    }

    public void setColor(int color) {
        value.setTextColor(getContext().getColor(color));
    }
}
