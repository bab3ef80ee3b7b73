//! Content on both databases.

use super::*;
use crate::accounts::testing::FakeClock;
use yinxin_store::testing::stores;

fn edit(markdown: &str) -> PageEdit {
    PageEdit {
        title: "帮助".into(),
        markdown: markdown.into(),
        position: 10,
        published: true,
    }
}

fn items<T>(result: Result<T, ContentError>) -> Vec<String> {
    match result {
        Err(ContentError::Refused(problems)) => problems
            .into_iter()
            .filter_map(|problem| problem.item)
            .collect(),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("not refused"),
    }
}

#[tokio::test]
async fn two_editors_of_a_page_do_not_overwrite_each_other_and_old_words_come_back() {
    for store in stores().await {
        let content = Content::new(store.store.clone(), Arc::new(FakeClock::default()));
        let (here, there) = (
            SiteId::parse("jiangxi").unwrap(),
            SiteId::parse("hunan").unwrap(),
        );
        content
            .create_page(&here, "help", edit("一\r\n"), "甲")
            .await
            .unwrap();
        assert_eq!(
            items(content.create_page(&here, "help", edit(""), "乙").await),
            ["slug"]
        );
        let bad = PageEdit {
            title: " ".into(),
            ..edit(&"长".repeat(70_000))
        };
        assert_eq!(
            items(content.create_page(&here, "Hilfe/", bad, "乙").await),
            ["title", "markdown", "slug"]
        );

        let saved = content
            .save_page(&here, "help", edit("二"), 1, "甲")
            .await
            .unwrap();
        assert_eq!(saved.version, 2);
        match content.save_page(&here, "help", edit("三"), 1, "乙").await {
            Err(ContentError::PageConflict(now)) => {
                assert_eq!((now.markdown.as_str(), now.version), ("二", 2))
            }
            other => panic!("{other:?}"),
        }
        let elsewhere = content.save_page(&there, "help", edit("四"), 2, "乙").await;
        assert!(matches!(elsewhere, Err(ContentError::NotFound)));

        let restored = content
            .restore_page(&here, "help", 1, 2, "乙")
            .await
            .unwrap();
        assert_eq!((restored.markdown.as_str(), restored.version), ("一\n", 3));
        let history = content.page_history(&here, "help", None, 9).await.unwrap();
        assert_eq!(
            history
                .iter()
                .map(|v| v.updated_by.as_str())
                .collect::<Vec<_>>(),
            ["乙", "甲", "甲"]
        );
        assert!(matches!(
            content.restore_page(&here, "help", 9, 3, "乙").await,
            Err(ContentError::NotFound)
        ));
        assert!(content.pages(&there, false).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn pages_that_a_site_comes_with_are_taken_over_once() {
    for store in stores().await {
        let content = Content::new(store.store.clone(), Arc::new(FakeClock::default()));
        let site = SiteId::parse("jiangxi").unwrap();
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            content
                .import_pages(&site, &folder.path().join("none"))
                .await
                .unwrap(),
            Imported::default()
        );
        std::fs::write(folder.path().join("20-help.md"), "# 帮助\n\n怎么办").unwrap();
        std::fs::write(folder.path().join("10-about.md"), "# 关于\n\n我们").unwrap();
        std::fs::write(folder.path().join("notes.txt"), "no page").unwrap();
        let imported = content.import_pages(&site, folder.path()).await.unwrap();
        assert_eq!(imported.added, ["about", "help"]);
        let titles: Vec<_> = content
            .pages(&site, true)
            .await
            .unwrap()
            .into_iter()
            .map(|page| page.title)
            .collect();
        assert_eq!(titles, ["关于", "帮助"]);

        content
            .save_page(&site, "help", edit("改过"), 1, "甲")
            .await
            .unwrap();
        let imported = content.import_pages(&site, folder.path()).await.unwrap();
        assert_eq!((imported.added.len(), imported.kept.len()), (0, 2));
        assert_eq!(
            content.page(&site, "help").await.unwrap().unwrap().markdown,
            "改过"
        );

        std::fs::write(folder.path().join("帮助.md"), "# 帮助").unwrap();
        let error = content
            .import_pages(&site, folder.path())
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("帮助.md: a page is named"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn notices_and_downloads_are_edited_with_the_same_care() {
    for store in stores().await {
        let clock = Arc::new(FakeClock::default());
        let content = Content::new(store.store.clone(), clock.clone());
        let site = SiteId::parse("jiangxi").unwrap();
        let draft = |published| NoticeEdit {
            title: "停机维护".into(),
            markdown: "周六晚间暂停服务。".into(),
            pinned: true,
            published,
        };
        let notice = content
            .create_notice(&site, draft(false), "甲")
            .await
            .unwrap();
        assert!(content.pinned_notices(&site).await.unwrap().is_empty());
        let first = content
            .save_notice(&site, &notice.id, draft(true), 1, "甲")
            .await
            .unwrap();
        clock.pass(60);
        let second = content
            .save_notice(&site, &notice.id, draft(true), 2, "甲")
            .await
            .unwrap();
        assert_eq!(
            second.published_at, first.published_at,
            "the day of a notice is the day it came out"
        );
        assert!(matches!(
            content.save_notice(&site, &notice.id, draft(true), 2, "乙").await,
            Err(ContentError::NoticeConflict(now)) if now.version == 3
        ));
        assert_eq!(content.pinned_notices(&site).await.unwrap(), [second]);

        let driver = || DownloadEdit {
            title: "驱动程序".into(),
            summary: "安装后插入 USB Key".into(),
            position: 1,
            published: true,
        };
        let file = |id: &str| StoredFile {
            id: FileId::from_stored(id),
            name: "driver.zip".into(),
            bytes: 10,
        };
        let download = content
            .create_download(&site, driver(), file("f1"), "甲")
            .await
            .unwrap();
        let (same, replaced) = content
            .save_download(&site, &download.id, driver(), None, 1, "甲")
            .await
            .unwrap();
        assert_eq!((same.file_id.as_str(), replaced), ("f1", None));
        let (_, replaced) = content
            .save_download(&site, &download.id, driver(), Some(file("f2")), 2, "甲")
            .await
            .unwrap();
        assert_eq!(replaced, Some(FileId::from_stored("f1")));
        let stale = content
            .save_download(&site, &download.id, driver(), Some(file("f3")), 2, "乙")
            .await;
        assert!(
            matches!(stale, Err(ContentError::DownloadConflict(now)) if now.file_id.as_str() == "f2")
        );
        assert!(content.remove_download(&site, &download.id).await.unwrap());
        assert!(content.remove_notice(&site, &notice.id).await.unwrap());
    }
}
