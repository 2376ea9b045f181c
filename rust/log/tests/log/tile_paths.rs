//! Names of tiles and bundles: one form, and nothing that no log has.

use fallow_log::{BundleId, MAX_SIZE, TILE_LEVELS, TILE_WIDTH, TileId};
use proptest::prelude::*;

const fn tile(level: u8, index: u64, width: u16) -> TileId {
    TileId { level, index, width }
}

#[test]
fn numbers_are_written_in_groups_of_three() {
    for (id, path) in [
        (tile(0, 0, 256), "tile/0/000"),
        (tile(0, 0, 1), "tile/0/000.p/1"),
        (tile(1, 67, 255), "tile/1/067.p/255"),
        (tile(0, 999, 256), "tile/0/999"),
        (tile(0, 1000, 256), "tile/0/x001/000"),
        (tile(2, 1_234_067, 256), "tile/2/x001/x234/067"),
        (tile(2, 1_234_067, 5), "tile/2/x001/x234/067.p/5"),
    ] {
        assert_eq!(id.path(), path);
        assert_eq!(TileId::parse(path), Ok(id));
        let bundle = BundleId { index: id.index, width: id.width };
        let path = path.replacen(&format!("tile/{}/", id.level), "tile/entries/", 1);
        assert_eq!(bundle.path(), path);
        assert_eq!(BundleId::parse(&path), Ok(bundle));
    }
}

#[test]
fn other_forms_of_a_number_are_refused() {
    for number in [
        "",
        "0",
        "00",
        "0000",
        "67",
        "1000",
        "x000/067",
        "001/067",
        "x1/067",
        "x001/67",
        "x001/x067",
        "x001",
        "x001/",
        "/067",
        "067/",
        "xx01/067",
        "xx001/067",
        "X001/067",
        "+67",
        "+067",
        "-67",
        "06a",
        "067 ",
        " 067",
        "067.p",
        "067.p/",
        "067.p/0",
        "067.p/256",
        "067.p/257",
        "067.p/01",
        "067.p/+1",
        "067.p/1/",
        "067.p/1.p/1",
        "067.P/1",
        "067.p1",
        "067p/1",
        "067.p/65537",
        "x001//067",
        "..",
        "../000",
        "x001/../000",
        "\u{661}67",
        "067\0",
        "067.p/-1",
        "x001\\067",
        "x018/x446/x744/x073/x709/x551/615",
        "x018/x446/x744/x073/x709/x551/616",
        "x999/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert!(TileId::parse(&format!("tile/0/{number}")).is_err(), "{number}");
        assert!(BundleId::parse(&format!("tile/entries/{number}")).is_err(), "{number}");
    }
    for path in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile//000",
        "tile/8/000",
        "tile/00/000",
        "tile/+0/000",
        "tile/256/000",
        "tile/-1/000",
        "/tile/0/000",
        "Tile/0/000",
        "tile/0/000/",
        "tile/x/000",
        "tile/entries/000",
        "tiles/0/000",
        "tile/0//000",
        "tile/0 /000",
        "tile/0/000\n",
    ] {
        assert!(TileId::parse(path).is_err(), "{path}");
    }
    assert!(BundleId::parse("tile/0/000").is_err());
    assert!(BundleId::parse("tile/entry/000").is_err());
}

#[test]
fn an_error_shows_no_more_than_a_line_of_a_hostile_path() {
    let error = TileId::parse(&format!("tile/0/{}", "x999/".repeat(100_000))).unwrap_err();
    assert!(error.to_string().len() < 140, "{error}");
}

#[test]
fn the_largest_log_ends_where_the_names_do() {
    for level in 0..TILE_LEVELS {
        let nodes = MAX_SIZE >> (8 * u32::from(level));
        let last = TileId::holding(level, nodes - 1, MAX_SIZE).unwrap();
        assert_eq!(TileId::parse(&last.path()), Ok(last));
        let next = TileId { index: last.index + 1, width: 1, ..last };
        assert!(TileId::parse(&next.path()).is_err(), "level {level}");
        let wider = TileId { width: last.width + 1, ..last };
        assert!(TileId::parse(&wider.path()).is_err(), "level {level}");
    }
    // 2^63 leaves are 2^7 nodes of height 56, the lowest of the last level.
    assert_eq!(TileId::holding(TILE_LEVELS - 1, 127, MAX_SIZE), Some(tile(7, 0, 128)));
    assert_eq!(TileId::holding(TILE_LEVELS, 0, MAX_SIZE), None);
    assert_eq!(TileId::holding(u8::MAX, 0, MAX_SIZE), None);
}

#[test]
fn tiles_of_a_size_are_listed() {
    let paths = |size| {
        let levels = (0..TILE_LEVELS).flat_map(move |level| TileId::of_level(level, size));
        levels.map(|id| id.path()).collect::<Vec<_>>()
    };
    assert_eq!(paths(0), [""; 0]);
    assert_eq!(paths(1), ["tile/0/000.p/1"]);
    assert_eq!(paths(256), ["tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(paths(257), ["tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]);
    assert_eq!(paths(513)[3..], ["tile/1/000.p/2"]);
    let large = paths(66_000);
    assert_eq!((large.len(), large[257].as_str()), (258 + 2 + 1, "tile/0/257.p/208"));
    assert_eq!(large[258..], ["tile/1/000", "tile/1/001.p/1", "tile/2/000.p/1"]);
    let bundles: Vec<String> = BundleId::all(513).map(|id| id.path()).collect();
    assert_eq!(bundles, ["tile/entries/000", "tile/entries/001", "tile/entries/002.p/1"]);
}

#[test]
fn a_bundle_is_found_by_its_record() {
    assert_eq!(BundleId::holding(513, 1000), Some(BundleId { index: 2, width: 256 }));
    assert_eq!(BundleId::holding(999, 1000), Some(BundleId { index: 3, width: 232 }));
    assert_eq!(
        BundleId::holding(999, 1000).map(|id| (id.first(), id.is_full())),
        Some((768, false))
    );
    assert_eq!(BundleId::holding(1000, 1000), None);
}

proptest! {
    #[test]
    fn what_is_written_is_read(level in 0..7_u8, index: u64, width in 1..=TILE_WIDTH) {
        let index = index >> 9 >> (8 * u32::from(level));
        let id = tile(level, index, width);
        prop_assert_eq!(TileId::parse(&id.path()), Ok(id));
        let bundle = BundleId { index, width };
        prop_assert_eq!(BundleId::parse(&bundle.path()), Ok(bundle));
    }

    #[test]
    fn what_is_read_has_one_form(path in "tile/([0-9]{1,2}|entries)/(x[0-9]{3}/){0,3}[0-9x]{2,4}(\\.p/[0-9]{1,3})?") {
        if let Ok(id) = TileId::parse(&path) {
            prop_assert_eq!(id.path(), path);
        } else if let Ok(id) = BundleId::parse(&path) {
            prop_assert_eq!(id.path(), path);
        }
    }
}
