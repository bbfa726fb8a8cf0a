//! A line chart of the last hour as inline SVG, with one point for each half minute.

use super::history::POINTS;
use super::markup::Markup;

/// The width of a point and the height of the chart, in units of the SVG.
const POINT: usize = 2;
const HEIGHT: f64 = 40.0;
/// The space above and below the line, so that the stroke is not cut off.
const MARGIN: f64 = 2.0;

/// Draws the values from left to right. The scale goes from zero to `top` or, without `top`, to the
/// highest value. `None` leaves a gap in the line.
pub(super) fn draw(page: &mut Markup, label: &str, values: &[Option<f64>], top: Option<f64>) {
    let highest = values.iter().flatten().copied().fold(0.0, f64::max);
    let top = top.unwrap_or(highest).max(f64::MIN_POSITIVE);
    let width = values.len().max(POINTS as usize) * POINT;
    page.raw("<svg class=\"line\" role=\"img\" preserveAspectRatio=\"none\" viewBox=\"0 0 ")
        .text(width)
        .raw(" ")
        .text(HEIGHT)
        .raw("\"><title>")
        .text(label)
        .raw("</title>");
    for run in runs(values) {
        let points = run.iter().map(|(place, value)| {
            let x = place * POINT + POINT / 2;
            let y = HEIGHT - MARGIN - value / top * (HEIGHT - 2.0 * MARGIN);
            format!("{x},{y:.1}")
        });
        let points = points.collect::<Vec<_>>().join(" ");
        let (Some((first, _)), Some((last, _))) = (run.first(), run.last()) else { continue };
        let x = |place: &usize| place * POINT + POINT / 2;
        page.raw("<polygon points=\"")
            .text(format_args!("{},{HEIGHT} {points} {},{HEIGHT}", x(first), x(last)))
            .raw("\"/><polyline points=\"")
            .text(points)
            .raw("\"/>");
    }
    page.raw("</svg>");
}

/// Returns the runs of neighbouring values, each value with its index.
fn runs(values: &[Option<f64>]) -> Vec<Vec<(usize, f64)>> {
    let mut runs = vec![Vec::new()];
    for (place, value) in values.iter().enumerate() {
        match (value, runs.last_mut()) {
            (Some(value), Some(run)) => run.push((place, *value)),
            (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_divide_the_line() {
        let values = [None, Some(1.0), Some(0.0), None, None, Some(2.0)];
        assert_eq!(runs(&values), [vec![(1, 1.0), (2, 0.0)], vec![(5, 2.0)]]);
        assert!(runs(&[]).is_empty());
    }

    #[test]
    fn the_highest_value_is_at_the_top() {
        let mut page = Markup::default();
        draw(&mut page, "a <line>", &[Some(0.0), Some(5.0)], None);
        let page = page.into_string();
        assert!(page.contains("<polyline points=\"1,38.0 3,2.0\"/>"), "{page}");
        assert!(page.contains("<title>a &lt;line&gt;</title>"), "{page}");
    }
}
