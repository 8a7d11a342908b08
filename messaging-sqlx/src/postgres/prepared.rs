//! Tests that the server accepts every statement, whatever the schema's name and the search path.

use messaging_test_postgres::Schema;
use sqlx::{Connection as _, Executor as _, PgConnection};

use super::{PgMigrator, SchemaName, statements::Statements};

async fn check_prepares(schema: &SchemaName, database: &str) {
    let mut connection = PgConnection::connect(database).await.unwrap();
    // With an empty search path no unqualified name resolves.
    sqlx::raw_sql("SET search_path = ''")
        .execute(&mut connection)
        .await
        .unwrap();
    PgMigrator::new(schema.clone())
        .run(&mut connection)
        .await
        .unwrap();
    let statements = Statements::new(schema);
    for (name, sql) in statements.all() {
        let prepared = connection.prepare(sql.clone()).await;
        assert!(
            prepared.is_ok(),
            "{name} of {schema}: {}\n{}",
            prepared.unwrap_err(),
            sql.as_str()
        );
    }
}

#[tokio::test]
async fn every_statement_is_prepared_under_any_name() {
    for schema in [Schema::fresh(), Schema::fresh()] {
        let name = SchemaName::parse(schema.name()).unwrap();
        check_prepares(&name, schema.url()).await;
    }
}

#[test]
fn every_statement_names_its_schema_and_no_other() {
    let name = SchemaName::parse("somewhere").unwrap();
    let statements = Statements::new(&name);
    let scripts = PgMigrator::new(name.clone()).scripts();
    let texts = statements.all().into_iter().map(|(_, sql)| sql.as_str());
    for text in texts.chain(scripts.iter().map(String::as_str)) {
        assert!(
            text.contains("\"somewhere\".") && !text.contains("\"messaging\""),
            "{text}"
        );
    }
}

/// A server whose OpenSSL is in FIPS mode has no MD5.
#[test]
fn no_statement_or_migration_uses_md5() {
    let name = SchemaName::parse("somewhere").unwrap();
    let statements = Statements::new(&name);
    let scripts = PgMigrator::new(name.clone()).scripts();
    let texts = statements.all().into_iter().map(|(_, sql)| sql.as_str());
    for text in texts.chain(scripts.iter().map(String::as_str)) {
        assert!(!text.to_lowercase().contains("md5"), "{text}");
    }
}
