-- A journal of version 1, as SQL.
PRAGMA application_id = 1701734250;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE checkpoint (
         position INTEGER NOT NULL,
         kind TEXT NOT NULL CHECK (kind IN ('checkpoint', 'anchor')),
         hash BLOB NOT NULL,
         key BLOB NOT NULL,
         signature BLOB NOT NULL,
         PRIMARY KEY (position, kind)
     ) STRICT, WITHOUT ROWID;
INSERT INTO "checkpoint" VALUES(3,'checkpoint',X'3EF322E266FB743A3C1217F85E472EE8B220AC2D2EE1FF3C580EC81F8EF98AD6',X'D7CE43296E7BBD6E91B89378A00444FB02C0F03BC5779EF0E466835B870FA71A',X'C077D697544CA1E7BC4A17127850CE4E1B6499EC9DB5ED871852193B482A205098DC75361819D34369BD310F896DD779F724F750CB965776F9BB21D2A9470C04');
INSERT INTO "checkpoint" VALUES(6,'checkpoint',X'413732C27920A8DA948360C4BD9CAC0C77F332378CC506BD77EECD1AACE130EC',X'D7CE43296E7BBD6E91B89378A00444FB02C0F03BC5779EF0E466835B870FA71A',X'1D653B4F3AEA5481BD4EF63F5CDEA2048B888940EB263E95F1C3FA20AB150EFA2D69D067F7F07DDB117F9AC2349C3C3BEA7DA5D88BAC34C9605BD75235FB9F04');
CREATE TABLE event (
         position INTEGER PRIMARY KEY,
         source TEXT NOT NULL,
         seq INTEGER NOT NULL,
         run TEXT NOT NULL,
         ts TEXT NOT NULL,
         kind TEXT NOT NULL,
         body TEXT NOT NULL,
         hash BLOB NOT NULL
     ) STRICT;
INSERT INTO "event" VALUES(1,'run:01a1fea1-7d9e-712a-80e9-624de4a1b231',0,'01a1fea1-7d9e-712a-80e9-624de4a1b231','2026-11-21T15:02:38.750356379Z','run_started','{"id":"01a1fea1-7d9e-712a-80e9-624ed8ee709e","seq":0,"ts":"2026-11-21T15:02:38.750356379Z","source":{"type":"run","run_id":"01a1fea1-7d9e-712a-80e9-624de4a1b231"},"scope":["run:01a1fea1-7d9e-712a-80e9-624de4a1b231"],"trace_id":"01a1fea17d9e712a80e9624de4a1b231","type":"run_started","data":{"component":"loop","function":"nope"}}',X'20B2DF3CF78DBE5893F9780BB8A8E2AE9AE70C7E9931BCCDCEBD62602439E035');
INSERT INTO "event" VALUES(2,'run:01a1fea1-7d9e-712a-80e9-624de4a1b231',1,'01a1fea1-7d9e-712a-80e9-624de4a1b231','2026-11-21T15:02:38.755041762Z','component_loaded','{"id":"01a1fea1-7da3-75de-8512-e299374468fd","seq":1,"ts":"2026-11-21T15:02:38.755041762Z","source":{"type":"run","run_id":"01a1fea1-7d9e-712a-80e9-624de4a1b231"},"scope":["run:01a1fea1-7d9e-712a-80e9-624de4a1b231"],"trace_id":"01a1fea17d9e712a80e9624de4a1b231","type":"component_loaded","data":{"name":"loop","digest":"sha256:b71fae2e4be0b42456650e0ac46748942510b652eb16af363e580a8a7c1725d3","size":138,"imports":[],"functions":["spin"]}}',X'C5CD8DBB6D61B2130ACB962B938AADB5422B1B5247AB8C2C6845564F60210F88');
INSERT INTO "event" VALUES(3,'run:01a1fea1-7d9e-712a-80e9-624de4a1b231',2,'01a1fea1-7d9e-712a-80e9-624de4a1b231','2026-11-21T15:02:38.755154009Z','run_completed','{"id":"01a1fea1-7da3-75de-8512-e29aaa747b2f","seq":2,"ts":"2026-11-21T15:02:38.755154009Z","source":{"type":"run","run_id":"01a1fea1-7d9e-712a-80e9-624de4a1b231"},"scope":["run:01a1fea1-7d9e-712a-80e9-624de4a1b231"],"trace_id":"01a1fea17d9e712a80e9624de4a1b231","type":"run_completed","data":{"status":"invalid","error":{"code":"E-INVALID-FUNCTION","message":"`loop` has no function `nope`","limit":null,"hint":"it has `spin`","source":{"phase":null,"causes":[],"backtrace":[]}}}}',X'3EF322E266FB743A3C1217F85E472EE8B220AC2D2EE1FF3C580EC81F8EF98AD6');
INSERT INTO "event" VALUES(4,'run:01a1fea1-7de1-76b4-906d-7cd78de8311b',0,'01a1fea1-7de1-76b4-906d-7cd78de8311b','2026-11-21T15:02:38.817504697Z','run_started','{"id":"01a1fea1-7de1-76b4-906d-7cd81e373f87","seq":0,"ts":"2026-11-21T15:02:38.817504697Z","source":{"type":"run","run_id":"01a1fea1-7de1-76b4-906d-7cd78de8311b"},"scope":["run:01a1fea1-7de1-76b4-906d-7cd78de8311b"],"trace_id":"01a1fea17de176b4906d7cd78de8311b","type":"run_started","data":{"component":"loop","function":"nope"}}',X'2639021614C130007DF866FBE166B5C52DBBDFDA21BEEF10B14F1691080DCEA8');
INSERT INTO "event" VALUES(5,'run:01a1fea1-7de1-76b4-906d-7cd78de8311b',1,'01a1fea1-7de1-76b4-906d-7cd78de8311b','2026-11-21T15:02:38.820385102Z','component_loaded','{"id":"01a1fea1-7de4-76ec-ac7e-252f017d9544","seq":1,"ts":"2026-11-21T15:02:38.820385102Z","source":{"type":"run","run_id":"01a1fea1-7de1-76b4-906d-7cd78de8311b"},"scope":["run:01a1fea1-7de1-76b4-906d-7cd78de8311b"],"trace_id":"01a1fea17de176b4906d7cd78de8311b","type":"component_loaded","data":{"name":"loop","digest":"sha256:b71fae2e4be0b42456650e0ac46748942510b652eb16af363e580a8a7c1725d3","size":138,"imports":[],"functions":["spin"]}}',X'ED6FBB3A32345CA34EA5FD1373132666D20B70DC644EC4F1810BAE44382C5D5C');
INSERT INTO "event" VALUES(6,'run:01a1fea1-7de1-76b4-906d-7cd78de8311b',2,'01a1fea1-7de1-76b4-906d-7cd78de8311b','2026-11-21T15:02:38.820463789Z','run_completed','{"id":"01a1fea1-7de4-76ec-ac7e-253055f2c465","seq":2,"ts":"2026-11-21T15:02:38.820463789Z","source":{"type":"run","run_id":"01a1fea1-7de1-76b4-906d-7cd78de8311b"},"scope":["run:01a1fea1-7de1-76b4-906d-7cd78de8311b"],"trace_id":"01a1fea17de176b4906d7cd78de8311b","type":"run_completed","data":{"status":"invalid","error":{"code":"E-INVALID-FUNCTION","message":"`loop` has no function `nope`","limit":null,"hint":"it has `spin`","source":{"phase":null,"causes":[],"backtrace":[]}}}}',X'413732C27920A8DA948360C4BD9CAC0C77F332378CC506BD77EECD1AACE130EC');
CREATE TABLE journal (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "journal" VALUES('id','01a1fea1-7d98-73ee-82c0-a6e6687ded6f');
CREATE UNIQUE INDEX event_of_source ON event (source, seq);
CREATE INDEX event_of_run ON event (run, position);
CREATE INDEX event_of_kind ON event (kind, position);
CREATE TRIGGER event_stays BEFORE UPDATE ON event
         BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER event_is_kept BEFORE DELETE ON event
         BEGIN SELECT RAISE(ABORT, 'events are only removed by retention'); END;
COMMIT;
