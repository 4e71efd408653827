//! The points of a figure as a table of comma-separated values. The header has the units.

use super::{PERCENTILES, Point};

/// The table, with a header.
pub(super) fn table(points: &[Point]) -> String {
    let varies = points.first().map_or("x", |point| point.figure.varies());
    let percentiles = PERCENTILES.map(|percent| format!("latency_p{percent}_ms"));
    let mut text = format!(
        "figure,series,{varies},committed_per_second,deviation_per_second,\
         cpu_ms_per_transaction,parts_per_block,shards_per_transaction,latency_mean_ms,{}\n",
        percentiles.join(",")
    );
    for point in points {
        text.push_str(&row(point).join(","));
        text.push('\n');
    }
    text
}

fn row(point: &Point) -> Vec<String> {
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(String::new, |value| format!("{value:.digits$}"))
    };
    let mut cells = vec![
        point.figure.number().to_string(),
        format!("\"{}\"", point.series.name()),
        format!("{:.0}", point.x),
        number(point.per_second, 1),
        number(point.deviation, 1),
        number(point.cpu_ms, 4),
        number(point.per_block, 1),
        number(point.concerned, 3),
        number(point.latency.map(|latency| latency.mean), 1),
    ];
    let percentiles = point.latency.map(|latency| latency.percentiles);
    cells.extend((0..PERCENTILES.len()).map(|at| number(percentiles.map(|all| all[at]), 1)));
    cells
}
