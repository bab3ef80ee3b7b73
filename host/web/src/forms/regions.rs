//! Province and city, to choose from a list.

use serde::Serialize;

const REGIONS: &str = include_str!("../../texts/regions.toml");

/// One province with the values that a field of the kind `region` may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Province {
    pub name: String,
    /// `江西省 鹰潭市`; the province alone where nothing is below it.
    pub places: Vec<String>,
}

/// All provinces in the order of the codes. An entry that cannot be read is left out; the test knows of none.
pub fn all() -> Vec<Province> {
    let table: toml::Table = toml::from_str(REGIONS).unwrap_or_default();
    let mut provinces: Vec<Province> = Vec::new();
    // `toml` sorts its keys; the file's own order is that of the codes.
    for line in REGIONS.lines().filter(|line| line.starts_with('"')) {
        let Some(name) = line.split('"').nth(1) else {
            continue;
        };
        let below = table.get(name).and_then(toml::Value::as_array);
        let cities = below.into_iter().flatten().filter_map(toml::Value::as_str);
        let mut places: Vec<String> = cities.map(|city| format!("{name} {city}")).collect();
        if places.is_empty() {
            places.push(name.to_owned());
        }
        provinces.push(Province {
            name: name.to_owned(),
            places,
        });
    }
    provinces
}

#[cfg(test)]
mod tests {
    use super::*;
    use yinxin_core::definition::{Field, FieldKind};
    use yinxin_core::field;

    #[test]
    fn every_region_is_a_value_that_the_field_takes() {
        let region = Field {
            name: "region".into(),
            label: "地区".into(),
            hint: "".into(),
            kind: FieldKind::Region,
            required: true,
            max_length: 0,
            shown_when: None,
            autocomplete: "".into(),
        };
        let provinces = all();
        assert_eq!(provinces.len(), 34);
        assert_eq!(provinces[0].name, "北京市");
        for place in provinces.iter().flat_map(|province| &province.places) {
            assert_eq!(field::parse(&region, place).as_ref(), Ok(place));
        }
        assert!(provinces[13].places.contains(&"江西省 鹰潭市".to_owned()));
    }
}
