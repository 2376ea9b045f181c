//! Rows of named values. A terminal that is too narrow for a table gets a block for each row: lines
//! that wrap cannot be read.

use comfy_table::{ContentArrangement, Table, presets};

/// A table, or blocks where `width` characters have no room for it. Files and pipes have no width.
pub(crate) fn render(header: &[&str], rows: &[Vec<String>], width: Option<usize>) -> String {
    let table = table(header, rows);
    let widest = table.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    match width {
        Some(width) if widest > width => blocks(header, rows),
        _ => table,
    }
}

fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    *table.style_mut() = presets::NOTHING;
    table.set_content_arrangement(ContentArrangement::Disabled).set_header(header).add_rows(rows);
    table.trim_fmt()
}

fn blocks(header: &[&str], rows: &[Vec<String>]) -> String {
    let longest = header.iter().map(|name| name.len()).max().unwrap_or(0);
    let block = |row: &Vec<String>| {
        let lines = header.iter().zip(row);
        lines.map(|(name, value)| format!("{name:<longest$}  {value}\n")).collect::<String>()
    };
    let blocks: Vec<_> = rows.iter().map(block).collect();
    blocks.join("\n").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<String>> {
        [["0x12", "3 of 4"], ["0x34", "-"]].map(|row| row.map(str::to_owned).to_vec()).to_vec()
    }

    #[test]
    fn a_row_is_a_line_where_there_is_room() {
        let table = " resource  free\n 0x12      3 of 4\n 0x34      -";
        assert_eq!(render(&["resource", "free"], &rows(), None), table);
        assert_eq!(render(&["resource", "free"], &rows(), Some(17)), table);
    }

    #[test]
    fn a_row_is_a_block_where_lines_would_wrap() {
        let blocks = "resource  0x12\nfree      3 of 4\n\nresource  0x34\nfree      -";
        assert_eq!(render(&["resource", "free"], &rows(), Some(16)), blocks);
        assert_eq!(render(&["resource", "free"], &rows(), Some(0)), blocks);
    }
}
