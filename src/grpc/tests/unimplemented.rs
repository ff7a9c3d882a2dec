//! What does not work yet says so: no field is silently ignored.

use super::*;

#[tokio::test]
async fn fields_that_do_not_work_yet_are_refused() {
    let server = TestServer::start().await;
    server.publish_all("t", &["a"]).await;
    let mut client = server.pub_sub().await;
    let good = || record("t", "v");
    for request in [
        PublishRequest { durability: Durability::Written.into(), ..good() },
        PublishRequest { durability: Durability::Memory.into(), ..good() },
        PublishRequest { message_id: "m".into(), ..good() },
        PublishRequest { deliver_at_ms: 1, ..good() },
    ] {
        assert_refused(client.publish(request).await, Code::Unimplemented, "UNIMPLEMENTED");
    }
    let good = || SubscribeRequest { topic: "t".into(), ..SubscribeRequest::default() };
    let committed = Start { at: Some(start::At::Committed(Committed {})) };
    for request in [
        SubscribeRequest { group: "g".into(), ..good() },
        SubscribeRequest { mode: SubscribeMode::Shared.into(), ..good() },
        SubscribeRequest { topic_pattern: ".*".into(), ..good() },
        SubscribeRequest { flow: Some(Flow::default()), ..good() },
        SubscribeRequest { start: Some(committed.clone()), ..good() },
    ] {
        let answer = client.consume(request.clone()).await.map(|_| ());
        assert_refused(answer, Code::Unimplemented, "UNIMPLEMENTED");
        let answer = client.subscribe(tokio_stream::once(request)).await.map(|_| ());
        assert_refused(answer, Code::Unimplemented, "UNIMPLEMENTED");
    }
    let read = ReadRequest { topic: "t".into(), start: Some(committed), ..ReadRequest::default() };
    let answer = server.log().await.read(read).await.map(|_| ());
    assert_refused(answer, Code::Unimplemented, "UNIMPLEMENTED");
}

#[tokio::test]
async fn methods_that_do_not_work_yet_are_refused() {
    let server = TestServer::start().await;
    let (mut pub_sub, mut log, mut admin) =
        (server.pub_sub().await, server.log().await, server.admin().await);
    let refused = [
        pub_sub.pull(PullRequest::default()).await.map(|_| ()),
        pub_sub.ack(AckRequest::default()).await.map(|_| ()),
        log.init_producer(InitProducerRequest::default()).await.map(|_| ()),
        admin.alter_topic(AlterTopicRequest::default()).await.map(|_| ()),
        admin.list_groups(ListGroupsRequest::default()).await.map(|_| ()),
        admin.describe_group(DescribeGroupRequest::default()).await.map(|_| ()),
        admin.alter_group(AlterGroupRequest::default()).await.map(|_| ()),
        admin.reset_group(ResetGroupRequest::default()).await.map(|_| ()),
        admin.delete_group(DeleteGroupRequest::default()).await.map(|_| ()),
    ];
    for answer in refused {
        assert_refused(answer, Code::Unimplemented, "UNIMPLEMENTED");
    }
}
