use serde_json::Value;

/// An executed plan.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    root: Value,
}

impl Plan {
    /// Parses the result of `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)`.
    pub(crate) fn parse(explained: &str) -> Self {
        let mut explained: Value = serde_json::from_str(explained).unwrap();
        Self {
            root: explained[0]["Plan"].take(),
        }
    }

    /// Returns the number of touched pages, counting repeated ones again.
    pub(crate) fn pages(&self) -> u64 {
        let blocks = |kind: &str| self.root[kind].as_u64().unwrap();
        blocks("Shared Hit Blocks") + blocks("Shared Read Blocks")
    }

    /// Returns the number of result rows.
    pub(crate) fn rows(&self) -> u64 {
        rows(&self.root)
    }

    /// Returns the tables that were scanned completely.
    pub(crate) fn scanned(&self) -> Vec<&str> {
        let mut scanned = Vec::new();
        walk(&self.root, &mut |node| {
            if node["Node Type"] == "Seq Scan" {
                scanned.push(node["Relation Name"].as_str().unwrap());
            }
        });
        scanned
    }

    /// Returns the largest number of rows in a sort.
    pub(crate) fn sorted(&self) -> u64 {
        let mut sorted = 0;
        walk(&self.root, &mut |node| {
            if matches!(node["Node Type"].as_str(), Some("Sort" | "Incremental Sort")) {
                sorted = sorted.max(rows(&node["Plans"][0]));
            }
        });
        sorted
    }
}

fn walk<'p>(node: &'p Value, visit: &mut impl FnMut(&'p Value)) {
    visit(node);
    for child in node["Plans"].as_array().into_iter().flatten() {
        walk(child, visit);
    }
}

/// Returns the rows of a node, over all executions.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of rows is small, and an average since PostgreSQL 18"
)]
fn rows(node: &Value) -> u64 {
    let [rows, loops] = ["Actual Rows", "Actual Loops"].map(|count| node[count].as_f64().unwrap());
    (rows * loops).round() as u64
}

#[test]
fn a_plan_reports_its_scans_and_sorts() {
    let plan = Plan::parse(
        r#"[{"Plan": {"Node Type": "Nested Loop", "Actual Rows": 3, "Actual Loops": 1,
            "Shared Hit Blocks": 5, "Shared Read Blocks": 2, "Plans": [
                {"Node Type": "Sort", "Actual Rows": 1, "Actual Loops": 1, "Plans": [
                    {"Node Type": "Seq Scan", "Relation Name": "lane", "Actual Rows": 7.5, "Actual Loops": 2}]},
                {"Node Type": "Index Scan", "Relation Name": "message", "Actual Rows": 1, "Actual Loops": 3}]},
            "Planning": {"Shared Hit Blocks": 100}}]"#,
    );
    assert_eq!((plan.pages(), plan.rows(), plan.sorted()), (7, 3, 15));
    assert_eq!(plan.scanned(), ["lane"]);
}
