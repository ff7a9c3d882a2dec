//! Calls about topics, one request and one answer each.

use super::messages::{
    AlterTopicRequest, AlterTopicResponse, CreateTopicRequest, CreateTopicResponse, DeleteTopicRequest,
    GetTopicInfoRequest, GetTopicInfoResponse, ListTopicsRequest, OffsetsRequest, OffsetsResponse,
    TopicSummary,
};
use super::{Client, ClientError};

impl Client {
    /// Creates a topic.
    ///
    /// # Errors
    /// `TOPIC_EXISTS`, `INVALID_TOPIC_NAME`, `TOO_MANY_TOPICS`, and what else the broker answers.
    pub async fn create_topic(
        &self,
        request: CreateTopicRequest,
    ) -> Result<CreateTopicResponse, ClientError> {
        Ok(self.admin().create_topic(request).await?.into_inner())
    }

    /// Deletes a topic and all its records.
    ///
    /// # Errors
    /// `TOPIC_NOT_FOUND`, and what else the broker answers.
    pub async fn delete_topic(&self, topic: &str) -> Result<(), ClientError> {
        self.admin().delete_topic(DeleteTopicRequest { topic: topic.to_owned() }).await?;
        Ok(())
    }

    /// A topic's configuration and the figures of its partitions.
    ///
    /// # Errors
    /// `TOPIC_NOT_FOUND`, and what else the broker answers.
    pub async fn topic_info(&self, topic: &str) -> Result<GetTopicInfoResponse, ClientError> {
        let request = GetTopicInfoRequest { topic: topic.to_owned() };
        Ok(self.admin().get_topic_info(request).await?.into_inner())
    }

    /// All topics but the broker's own, by name.
    ///
    /// # Errors
    /// As the broker answers.
    pub async fn list_topics(&self) -> Result<Vec<TopicSummary>, ClientError> {
        Ok(self.admin().list_topics(ListTopicsRequest {}).await?.into_inner().topics)
    }

    /// Changes a topic's configuration, or adds partitions.
    ///
    /// # Errors
    /// `TOPIC_NOT_FOUND`, and what else the broker answers.
    pub async fn alter_topic(&self, request: AlterTopicRequest) -> Result<AlterTopicResponse, ClientError> {
        Ok(self.admin().alter_topic(request).await?.into_inner())
    }

    /// A partition's offsets; with a time, also the first offset whose record is not before it.
    ///
    /// # Errors
    /// `TOPIC_NOT_FOUND`, `PARTITION_NOT_FOUND`, and what else the broker answers.
    pub async fn offsets(
        &self,
        topic: &str,
        partition: u32,
        timestamp_ms: Option<i64>,
    ) -> Result<OffsetsResponse, ClientError> {
        let request = OffsetsRequest { topic: topic.to_owned(), partition, timestamp_ms };
        Ok(self.log().offsets(request).await?.into_inner())
    }
}
