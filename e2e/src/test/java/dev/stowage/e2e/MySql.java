package dev.stowage.e2e;

import java.util.List;

/// A MySQL server in a pod of the examples, with one table of texts.
record MySql(Story story, String pod) {
    static MySql in(Story story, String pod) {
        return new MySql(story, pod);
    }

    /// Committed when it returns.
    void write(String row) throws Exception {
        sql(
                "create database if not exists story; create table if not exists story.rows_ (id int auto_increment primary key, word varchar(80)); insert into story.rows_ (word) values ('%s')"
                        .formatted(row));
    }

    List<String> rows() throws Exception {
        return sql("select word from story.rows_ order by id").lines().toList();
    }

    private String sql(String statements) throws Exception {
        return story.inPod(
                pod,
                "mysql",
                "--user=root",
                "--password=change-me",
                "--skip-column-names",
                "--execute=" + statements);
    }
}
