"""What a stranger would write: stubs from proto/, channels at their defaults, and calls through reflection."""

import sys

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from highwater import admin_pb2, admin_pb2_grpc, log_pb2, log_pb2_grpc, pubsub_pb2, pubsub_pb2_grpc, record_pb2

TIMEOUT_S = 60


def reason_of(error):
    """The stable reason in a failed call's details."""
    trailing = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info), status
    assert info.domain == "highwater", info
    return info.reason


def refused(call, code, reason):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code, error
        assert reason_of(error) == reason, error
    else:
        raise AssertionError(f"not refused with {reason}")


def everything(topic):
    start = record_pb2.Start(earliest=record_pb2.Earliest())
    stop = record_pb2.Stop(at_end=record_pb2.AtEnd())
    return pubsub_pb2.SubscribeRequest(topic=topic, start=start, stop=stop)


def records_of(responses):
    for response in responses:
        if response.WhichOneof("event") == "records":
            batch = response.records
            for index, record in enumerate(batch.records.record):
                yield batch.base_offset + index, record


def publish_and_subscribe(channel):
    stub = pubsub_pb2_grpc.PubSubStub(channel)
    answer = stub.Publish(pubsub_pb2.PublishRequest(topic="t", value=b"0", key=b"k"), timeout=TIMEOUT_S)
    assert (answer.offset, answer.durable_offset, answer.durability) == (0, 1, record_pb2.SYNCED), answer

    requests = (pubsub_pb2.PublishRequest(topic="t", value=b"%d" % n, correlation_id=str(n)) for n in range(1, 1000))
    answers = list(stub.PublishStream(requests, timeout=TIMEOUT_S))
    assert [(a.offset, a.correlation_id) for a in answers] == [(n, str(n)) for n in range(1, 1000)]
    assert not any(a.HasField("error") for a in answers)

    values = [(offset, int(record.value)) for offset, record in records_of(stub.Consume(everything("t"), timeout=TIMEOUT_S))]
    assert values == [(n, n) for n in range(1000)], values[:5]
    # Half-closed behind the first request, the records still come.
    values = [int(record.value) for _, record in records_of(stub.Subscribe(iter([everything("t")]), timeout=TIMEOUT_S))]
    assert values == list(range(1000))

    absent = pubsub_pb2.PublishRequest(topic="no/such", value=b"")
    refused(lambda: stub.Publish(absent, timeout=TIMEOUT_S), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_TOPIC_NAME")
    refused(lambda: list(stub.Consume(everything("nowhere"), timeout=TIMEOUT_S)), grpc.StatusCode.NOT_FOUND, "TOPIC_NOT_FOUND")
    refused(lambda: stub.Pull(pubsub_pb2.PullRequest(topic="t", group="g"), timeout=TIMEOUT_S), grpc.StatusCode.UNIMPLEMENTED, "UNIMPLEMENTED")


def batches_beyond_what_a_default_client_accepts(channel):
    """8 MB in batches of 1 MB: whatever the broker gathers into a response must stay below 4 MiB."""
    stub = log_pb2_grpc.LogStub(channel)
    value = bytes(range(256)) * 390

    def requests():
        for n in range(8):
            records = [record_pb2.Record(key=b"%d" % n, value=value) for _ in range(10)]
            yield log_pb2.AppendRequest(topic="large", correlation_id=str(n), records=record_pb2.RecordSet(record=records))

    answers = list(stub.Append(requests(), timeout=TIMEOUT_S))
    assert [(a.base_offset, a.record_count) for a in answers] == [(n * 10, 10) for n in range(8)], answers
    request = log_pb2.ReadRequest(
        topic="large",
        start=record_pb2.Start(offset=5),
        stop=record_pb2.Stop(at_end=record_pb2.AtEnd()),
    )
    read = list(records_of(stub.Read(request, timeout=TIMEOUT_S)))
    assert [offset for offset, _ in read] == list(range(5, 80)), len(read)
    assert all(record.value == value and record.key == b"%d" % (offset // 10) for offset, record in read)
    offsets = stub.Offsets(log_pb2.OffsetsRequest(topic="large"), timeout=TIMEOUT_S)
    assert (offsets.log_start_offset, offsets.high_watermark) == (0, 80), offsets


def administration(channel):
    stub = admin_pb2_grpc.AdminStub(channel)
    created = stub.CreateTopic(admin_pb2.CreateTopicRequest(topic="made", partitions=2), timeout=TIMEOUT_S)
    assert created.partitions == 2 and created.topic_id, created
    again = admin_pb2.CreateTopicRequest(topic="made")
    refused(lambda: stub.CreateTopic(again, timeout=TIMEOUT_S), grpc.StatusCode.ALREADY_EXISTS, "TOPIC_EXISTS")
    info = stub.GetTopicInfo(admin_pb2.GetTopicInfoRequest(topic="made"), timeout=TIMEOUT_S)
    assert (info.topic_id, len(info.partitions)) == (created.topic_id, 2), info
    names = [topic.topic for topic in stub.ListTopics(admin_pb2.ListTopicsRequest(), timeout=TIMEOUT_S).topics]
    assert names == sorted(names) and "made" in names, names
    stub.DeleteTopic(admin_pb2.DeleteTopicRequest(topic="made"), timeout=TIMEOUT_S)


class Reflected:
    """Calls by name, with JSON for messages, as grpcurl does; nothing generated is used."""

    def __init__(self, channel):
        self.channel = channel
        self.database = ProtoReflectionDescriptorDatabase(channel)
        self.pool = descriptor_pool.DescriptorPool(self.database)

    def message(self, descriptor):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(descriptor.full_name))

    def call(self, service, name, request):
        method = self.pool.FindServiceByName(service).FindMethodByName(name)
        kinds = {
            (False, False): self.channel.unary_unary,
            (True, True): self.channel.stream_stream,
        }
        stub = kinds[(method.client_streaming, method.server_streaming)](
            f"/{service}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=self.message(method.output_type).FromString,
        )
        message = json_format.Parse(request, self.message(method.input_type)(), descriptor_pool=self.pool)
        return stub(iter([message]) if method.client_streaming else message, timeout=TIMEOUT_S)


def the_two_lines_of_the_contract(channel):
    reflected = Reflected(channel)
    services = set(reflected.database.get_services())
    expected = {"pubsub.PubSub", "pubsub.Log", "pubsub.Admin", "grpc.health.v1.Health"}
    assert expected <= services, services
    answer = reflected.call("pubsub.PubSub", "Publish", '{"topic":"events","value":"aGVsbG8="}')
    assert (answer.topic, answer.offset) == ("events", 0), answer
    responses = reflected.call("pubsub.PubSub", "Subscribe", '{"topic":"events","start":{"earliest":{}}}')
    _, record = next(records_of(responses))
    assert record.value == b"hello", record
    responses.cancel()
    health = reflected.call("grpc.health.v1.Health", "Check", "{}")
    assert json_format.MessageToDict(health) == {"status": "SERVING"}, health


def main():
    with grpc.insecure_channel(sys.argv[1]) as channel:
        # The line of the contract is for a fresh broker: it comes first.
        the_two_lines_of_the_contract(channel)
        publish_and_subscribe(channel)
        batches_beyond_what_a_default_client_accepts(channel)
        administration(channel)
    print("all fine")


main()
