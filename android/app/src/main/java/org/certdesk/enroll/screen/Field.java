package org.certdesk.enroll.screen;

import android.content.Context;
import android.content.res.TypedArray;
import android.os.Build;
import android.os.Bundle;
import android.os.Parcelable;
import android.text.InputType;
import android.text.method.PasswordTransformationMethod;
import android.util.AttributeSet;
import android.util.SparseArray;
import android.util.TypedValue;
import android.view.View;
import android.widget.EditText;
import android.widget.LinearLayout;
import android.widget.TextView;
import org.certdesk.enroll.R;

/** A labelled field with room for what is wrong with it; a screen reader is told all three. */
public final class Field extends LinearLayout {
    private final TextView label;
    private final EditText input;
    private final TextView problem;

    public Field(Context context, AttributeSet attributes) {
        super(context, attributes);
        setOrientation(VERTICAL);
        label = text(R.color.text_quiet, 14);
        input = new EditText(context);
        problem = text(R.color.bad, 14);
        TypedArray values = context.obtainStyledAttributes(attributes, R.styleable.Field);
        try {
            label.setText(values.getString(R.styleable.Field_label));
            input.setHint(values.getString(R.styleable.Field_android_hint));
            input.setInputType(values.getInt(R.styleable.Field_android_inputType, InputType.TYPE_CLASS_TEXT));
            if (Build.VERSION.SDK_INT >= 26) {
                String hints = values.getString(R.styleable.Field_android_autofillHints);
                input.setAutofillHints(hints == null ? null : new String[] {hints});
                // A password manager would carry the registration password off the device.
                input.setImportantForAutofill(
                        isSecret() ? View.IMPORTANT_FOR_AUTOFILL_NO : View.IMPORTANT_FOR_AUTOFILL_AUTO);
            }
        } finally {
            values.recycle();
        }
        input.setTextAlignment(TEXT_ALIGNMENT_VIEW_START);
        if (isCode()) {
            input.setTextDirection(TEXT_DIRECTION_LTR);
        }
        input.setId(View.generateViewId());
        input.setMinimumHeight(pixels(48));
        input.setSaveEnabled(false); // the field itself does, under an id that is the same every time
        label.setLabelFor(input.getId());
        problem.setVisibility(GONE);
        problem.setAccessibilityLiveRegion(ACCESSIBILITY_LIVE_REGION_POLITE);
        addView(label);
        addView(input, new LayoutParams(LayoutParams.MATCH_PARENT, LayoutParams.WRAP_CONTENT));
        addView(problem);
        setPadding(0, 0, 0, pixels(12));
    }

    private TextView text(int color, int size) {
        TextView view = new TextView(getContext());
        view.setTextColor(getContext().getColor(color));
        view.setTextSize(TypedValue.COMPLEX_UNIT_SP, size);
        view.setTextAlignment(TEXT_ALIGNMENT_VIEW_START);
        return view;
    }

    private int pixels(int dp) {
        return Math.round(dp * getResources().getDisplayMetrics().density);
    }

    /** Tells whether what belongs here reads from left to right in every language: an address, or a number. */
    private boolean isCode() {
        int kind = input.getInputType() & (InputType.TYPE_MASK_CLASS | InputType.TYPE_MASK_VARIATION);
        return kind == (InputType.TYPE_CLASS_TEXT | InputType.TYPE_TEXT_VARIATION_URI)
                || kind == (InputType.TYPE_CLASS_TEXT | InputType.TYPE_TEXT_VARIATION_EMAIL_ADDRESS)
                || kind == InputType.TYPE_CLASS_PHONE;
    }

    public boolean isSecret() {
        int secret = InputType.TYPE_CLASS_TEXT | InputType.TYPE_TEXT_VARIATION_PASSWORD;
        return (input.getInputType() & (InputType.TYPE_MASK_CLASS | InputType.TYPE_MASK_VARIATION)) == secret;
    }

    public String text() {
        return input.getText().toString();
    }

    public void setText(String text) {
        if (!text.equals(text())) {
            input.setText(text);
        }
    }

    public EditText input() {
        return input;
    }

    /** Shows what is wrong, or nothing if null. */
    public void setProblem(String sentence) {
        problem.setText(sentence);
        problem.setVisibility(sentence == null ? GONE : VISIBLE);
    }

    public CharSequence problem() {
        return problem.getVisibility() == VISIBLE ? problem.getText() : null;
    }

    /** Shows or hides a password. */
    public void reveal(boolean shown) {
        int end = input.getSelectionEnd();
        input.setTransformationMethod(shown ? null : PasswordTransformationMethod.getInstance());
        input.setSelection(Math.max(0, end));
    }

    @Override
    public void setEnabled(boolean enabled) {
        super.setEnabled(enabled);
        input.setEnabled(enabled);
    }

    @Override
    protected Parcelable onSaveInstanceState() {
        Bundle state = new Bundle();
        state.putParcelable("view", super.onSaveInstanceState());
        state.putString("text", isSecret() ? "" : text()); // what is saved goes to the system, and to its disk
        state.putInt("cursor", Math.max(0, input.getSelectionEnd()));
        state.putCharSequence("problem", problem());
        return state;
    }

    @Override
    protected void onRestoreInstanceState(Parcelable saved) {
        Bundle state = (Bundle) saved;
        super.onRestoreInstanceState(state.getParcelable("view"));
        if (!isSecret()) { // a secret comes back by way of the memory, or not at all
            input.setText(state.getString("text"));
            input.setSelection(Math.min(state.getInt("cursor"), input.length()));
        }
        CharSequence sentence = state.getCharSequence("problem");
        setProblem(sentence == null ? null : sentence.toString());
    }

    @Override
    protected void dispatchSaveInstanceState(SparseArray<Parcelable> container) {
        dispatchFreezeSelfOnly(container);
    }

    @Override
    protected void dispatchRestoreInstanceState(SparseArray<Parcelable> container) {
        dispatchThawSelfOnly(container);
    }
}
