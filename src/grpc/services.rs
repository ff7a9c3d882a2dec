//! The three services: which verb answers which method. What does not work yet answers `UNIMPLEMENTED`.

use futures_util::stream::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use super::status::Refusal;
use super::{BrokerHandle, GrpcConfig, admin, append, offsets, publish, publish_stream, read, subscribe};
use crate::wire::server::pubsub::admin_server::Admin;
use crate::wire::server::pubsub::log_server::Log;
use crate::wire::server::pubsub::pub_sub_server::PubSub;
use crate::wire::server::pubsub::*;

/// All services share this.
#[derive(Clone)]
pub(super) struct Services {
    pub(super) broker: BrokerHandle,
    pub(super) config: GrpcConfig,
}

type Answer<T> = Result<Response<T>, Status>;
type Answers<T> = BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl PubSub for Services {
    type PublishStreamStream = Answers<PublishResponse>;
    type SubscribeStream = Answers<SubscribeResponse>;
    type ConsumeStream = Answers<SubscribeResponse>;

    async fn publish(&self, request: Request<PublishRequest>) -> Answer<PublishResponse> {
        publish::publish(&self.broker, request.into_inner()).await.map(Response::new)
    }

    async fn publish_stream(
        &self,
        request: Request<Streaming<PublishRequest>>,
    ) -> Answer<Self::PublishStreamStream> {
        let answers = publish_stream::publish_stream(self.broker.clone(), request.into_inner());
        Ok(Response::new(Box::pin(answers)))
    }

    async fn subscribe(
        &self,
        request: Request<Streaming<SubscribeRequest>>,
    ) -> Answer<Self::SubscribeStream> {
        let answers = subscribe::subscribe(&self.broker, &self.config, request.into_inner()).await?;
        Ok(Response::new(Box::pin(answers)))
    }

    async fn consume(&self, request: Request<SubscribeRequest>) -> Answer<Self::ConsumeStream> {
        let answers = subscribe::consume(&self.broker, &self.config, request.into_inner()).await?;
        Ok(Response::new(Box::pin(answers)))
    }

    async fn pull(&self, _request: Request<PullRequest>) -> Answer<PullResponse> {
        Err(Refusal::unimplemented("Pull").status())
    }

    async fn ack(&self, _request: Request<AckRequest>) -> Answer<AckResponse> {
        Err(Refusal::unimplemented("Ack").status())
    }
}

#[tonic::async_trait]
impl Log for Services {
    type AppendStream = Answers<AppendResponse>;
    type ReadStream = Answers<ReadResponse>;

    async fn append(&self, request: Request<Streaming<AppendRequest>>) -> Answer<Self::AppendStream> {
        Ok(Response::new(Box::pin(append::append(self.broker.clone(), request.into_inner()))))
    }

    async fn read(&self, request: Request<ReadRequest>) -> Answer<Self::ReadStream> {
        let answers = read::read(&self.broker, &self.config, request.into_inner()).await?;
        Ok(Response::new(Box::pin(answers)))
    }

    async fn offsets(&self, request: Request<OffsetsRequest>) -> Answer<OffsetsResponse> {
        offsets::offsets(&self.broker, request.into_inner()).await.map(Response::new)
    }

    async fn init_producer(&self, _request: Request<InitProducerRequest>) -> Answer<InitProducerResponse> {
        Err(Refusal::unimplemented("InitProducer").status())
    }
}

#[tonic::async_trait]
impl Admin for Services {
    async fn create_topic(&self, request: Request<CreateTopicRequest>) -> Answer<CreateTopicResponse> {
        admin::create_topic(&self.broker, request.into_inner()).await.map(Response::new)
    }

    async fn delete_topic(&self, request: Request<DeleteTopicRequest>) -> Answer<DeleteTopicResponse> {
        admin::delete_topic(&self.broker, request.into_inner()).await.map(Response::new)
    }

    async fn get_topic_info(&self, request: Request<GetTopicInfoRequest>) -> Answer<GetTopicInfoResponse> {
        admin::topic_info(&self.broker, &request.into_inner()).map(Response::new)
    }

    async fn list_topics(&self, _request: Request<ListTopicsRequest>) -> Answer<ListTopicsResponse> {
        admin::list_topics(&self.broker).map(Response::new)
    }

    async fn alter_topic(&self, _request: Request<AlterTopicRequest>) -> Answer<AlterTopicResponse> {
        Err(Refusal::unimplemented("AlterTopic").status())
    }

    async fn delete_records(&self, request: Request<DeleteRecordsRequest>) -> Answer<DeleteRecordsResponse> {
        admin::delete_records(&self.broker, request.into_inner()).await.map(Response::new)
    }

    async fn list_groups(&self, _request: Request<ListGroupsRequest>) -> Answer<ListGroupsResponse> {
        Err(Refusal::unimplemented("ListGroups").status())
    }

    async fn describe_group(&self, _request: Request<DescribeGroupRequest>) -> Answer<DescribeGroupResponse> {
        Err(Refusal::unimplemented("DescribeGroup").status())
    }

    async fn alter_group(&self, _request: Request<AlterGroupRequest>) -> Answer<AlterGroupResponse> {
        Err(Refusal::unimplemented("AlterGroup").status())
    }

    async fn reset_group(&self, _request: Request<ResetGroupRequest>) -> Answer<ResetGroupResponse> {
        Err(Refusal::unimplemented("ResetGroup").status())
    }

    async fn delete_group(&self, _request: Request<DeleteGroupRequest>) -> Answer<DeleteGroupResponse> {
        Err(Refusal::unimplemented("DeleteGroup").status())
    }

    async fn describe_broker(
        &self,
        _request: Request<DescribeBrokerRequest>,
    ) -> Answer<DescribeBrokerResponse> {
        Ok(Response::new(admin::describe_broker(&self.broker)))
    }
}
