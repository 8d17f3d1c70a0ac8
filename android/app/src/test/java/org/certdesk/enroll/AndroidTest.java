package org.certdesk.enroll;

import org.junit.Before;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;

/** A test that Android's framework runs, on a device as it comes out of its box; robolectric.properties says which. */
@RunWith(RobolectricTestRunner.class)
public abstract class AndroidTest {
    @Before
    public final void unpack() {
        TestApplication.reset();
    }
}
