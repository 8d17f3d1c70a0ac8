package org.certdesk.enroll;

import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.view.View;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.io.File;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;

/** Pictures of screens, in files as small as few colours allow. */
final class Pictures {
    private static final int GAP = 16;
    private static final int COLOURS = 256;

    private Pictures() {}

    /** Draws a view that has been laid out. */
    static BufferedImage of(View view) {
        Bitmap bitmap = Bitmap.createBitmap(view.getWidth(), view.getHeight(), Bitmap.Config.ARGB_8888);
        view.draw(new Canvas(bitmap));
        int[] pixels = new int[view.getWidth() * view.getHeight()];
        bitmap.getPixels(pixels, 0, view.getWidth(), 0, 0, view.getWidth(), view.getHeight());
        bitmap.recycle();
        BufferedImage picture = new BufferedImage(view.getWidth(), view.getHeight(), BufferedImage.TYPE_INT_ARGB);
        picture.setRGB(0, 0, view.getWidth(), view.getHeight(), pixels, 0, view.getWidth());
        return picture;
    }

    /** Puts pictures in rows on one sheet. */
    static BufferedImage sheet(List<List<BufferedImage>> rows) {
        int width = 0;
        int height = GAP;
        for (List<BufferedImage> row : rows) {
            width = Math.max(width, GAP + row.stream().mapToInt(each -> each.getWidth() + GAP).sum());
            height += GAP + heightOf(row);
        }
        BufferedImage sheet = new BufferedImage(width, height, BufferedImage.TYPE_INT_ARGB);
        Graphics2D graphics = sheet.createGraphics();
        graphics.setColor(Color.GRAY);
        graphics.fillRect(0, 0, width, height);
        int y = GAP;
        for (List<BufferedImage> row : rows) {
            int x = GAP;
            for (BufferedImage picture : row) {
                graphics.drawImage(picture, x, y, null);
                x += picture.getWidth() + GAP;
            }
            y += heightOf(row) + GAP;
        }
        graphics.dispose();
        return sheet;
    }

    private static int heightOf(List<BufferedImage> row) {
        return row.stream().mapToInt(BufferedImage::getHeight).max().orElse(0);
    }

    /** Writes a PNG of the most frequent colours; each of the others becomes the one that it resembles most. */
    static void save(BufferedImage picture, File file) throws IOException {
        int[] pixels = picture.getRGB(0, 0, picture.getWidth(), picture.getHeight(), null, 0, picture.getWidth());
        Map<Integer, Integer> counts = new HashMap<>();
        for (int pixel : pixels) {
            counts.merge(pixel, 1, Integer::sum);
        }
        int[] palette = counts.entrySet().stream()
                .sorted(Map.Entry.<Integer, Integer>comparingByValue().reversed().thenComparing(Map.Entry.comparingByKey()))
                .limit(COLOURS)
                .mapToInt(Map.Entry::getKey)
                .toArray();
        Map<Integer, Integer> places = new HashMap<>();
        counts.keySet().forEach(colour -> places.put(colour, nearest(palette, colour)));
        IndexColorModel model =
                new IndexColorModel(8, palette.length, palette, 0, false, -1, DataBuffer.TYPE_BYTE);
        BufferedImage small = new BufferedImage(
                picture.getWidth(), picture.getHeight(), BufferedImage.TYPE_BYTE_INDEXED, model);
        for (int at = 0; at < pixels.length; at++) {
            int place = places.get(pixels[at]);
            small.getRaster().setSample(at % picture.getWidth(), at / picture.getWidth(), 0, place);
        }
        file.getParentFile().mkdirs();
        if (!ImageIO.write(small, "png", file)) {
            throw new IOException("no PNG can be written");
        }
    }

    private static int nearest(int[] palette, int colour) {
        int best = 0;
        for (int at = 1; at < palette.length; at++) {
            best = distance(palette[at], colour) < distance(palette[best], colour) ? at : best;
        }
        return best;
    }

    private static int distance(int one, int other) {
        int sum = 0;
        for (int shift = 0; shift < 24; shift += 8) {
            int difference = (one >> shift & 0xFF) - (other >> shift & 0xFF);
            sum += difference * difference;
        }
        return sum;
    }
}
