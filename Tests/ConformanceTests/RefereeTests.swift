import Testing
import Wire

@testable import Conformance

/// The rules, without a worker, a socket or a clock.
@Suite struct RefereeTests {
    private static let epoch: UInt64 = 7

    private func referee() -> Referee {
        Referee(worker: "w.1", heartbeat: .milliseconds(500), liveness: .seconds(5), now: .zero)
    }

    private static let hello = Lorgnette_V1_Hello.with {
        $0.service = "ocr"
        $0.worker = "w.1"
        $0.inputs = [
            .with {
                $0.name = "picture"
                $0.kind = .picture
            }
        ]
        $0.outputs = [
            .with {
                $0.name = "text"
                $0.kind = .text
                $0.required = true
            }
        ]
        $0.options = [
            .with {
                $0.name = "size"
                $0.type = .integer
                $0.defaultText = "3"
                $0.minimum = 1
                $0.maximum = 9
            }
        ]
        $0.concurrency = 1
    }

    private func message(_ body: Lorgnette_V1_Envelope.OneOf_Body, epoch: UInt64 = epoch, _ payloads: [Payload] = [])
        -> Message
    {
        Message(epoch: epoch, body, payloads: payloads)
    }

    /// Greeted, welcomed and ready, with task 1 open.
    private func serving() -> Referee {
        var referee = referee()
        referee.heard(message(.hello(Self.hello)), at: .zero)
        referee.welcomed(at: .zero)
        referee.heard(message(.ready(.with { $0.credit = 1 })), at: .zero)
        referee.asked(TaskKey(id: 1, attempt: 1), picture: Extent(width: 100, height: 50), at: .zero)
        return referee
    }

    private func result(_ change: (inout Lorgnette_V1_Outcome) -> Void = { _ in }) -> Lorgnette_V1_Envelope.OneOf_Body {
        .result(
            .with {
                $0.task = 1
                $0.attempt = 1
                $0.outcome.text = "OPEN"
                change(&$0.outcome)
            })
    }

    private func faults(_ hello: (inout Lorgnette_V1_Hello) -> Void) -> Set<Rule> {
        var changed = Self.hello
        hello(&changed)
        var referee = referee()
        referee.heard(message(.hello(changed)), at: .zero)
        return Set(referee.findings.faults.keys)
    }

    private func faults(_ payloads: [Payload] = [], _ change: (inout Lorgnette_V1_Outcome) -> Void) -> Set<Rule> {
        var referee = serving()
        referee.heard(message(result(change), payloads), at: .zero)
        return Set(referee.findings.faults.keys)
    }

    @Test func aSoundConversationHasNoFault() {
        var referee = serving()
        referee.heard(
            message(
                .progress(
                    .with {
                        $0.task = 1
                        $0.attempt = 1
                        $0.fraction = 1
                    })), at: .seconds(1))
        referee.heard(message(result()), at: .seconds(2))
        referee.heard(message(.goodbye(.init())), at: .seconds(100))
        #expect(referee.findings.faults.isEmpty)
        for rule in [Rule.epoch, .service, .ports, .options, .credit, .once, .addressed, .progress, .outputs] {
            #expect(referee.findings.verdict(rule) == .ok, "\(rule)")
        }
        #expect(referee.findings.verdict(.tensors) == .notChecked(Rule.tensors.unseen))
    }

    @Test func aHelloIsWellFormed() {
        #expect(faults { (_: inout Lorgnette_V1_Hello) in }.isEmpty)
        #expect(faults { $0.service = "two words" } == [.service])
        #expect(faults { $0.worker = "" } == [.workerName])
        #expect(faults { $0.concurrency = 0 } == [.concurrency])
        #expect(faults { $0.inputs.append($0.inputs[0]) } == [.ports])
        #expect(faults { $0.inputs[0].kind = .unspecified } == [.ports])
        #expect(faults { $0.inputs[0].name = "optional" } == [.ports])
        #expect(faults { $0.outputs[0].kind = .picture } == [.ports])
        #expect(faults { $0.outputs = [] } == [.ports])
        #expect(faults { $0.options[0].type = .UNRECOGNIZED(99) } == [.options])
        #expect(faults { $0.options[0].defaultText = "10" } == [.options])
        #expect(faults { $0.options[0].defaultText = "2.5" } == [.options])
        #expect(faults { $0.options[0].maximum = 0 } == [.options])
        #expect(faults { $0.options[0].name = "picture" } == [.options])
    }

    @Test func theEpochStaysAndIsNotZero() {
        var referee = serving()
        referee.heard(message(.heartbeat(.init()), epoch: 8), at: .zero)
        #expect(Set(referee.findings.faults.keys) == [.epoch])
        var other = self.referee()
        other.heard(message(.hello(Self.hello), epoch: 0), at: .zero)
        #expect(Set(other.findings.faults.keys) == [.epoch])
    }

    @Test func everyTaskHasOneAnswer() {
        var referee = serving()
        referee.heard(message(result()), at: .zero)
        referee.heard(message(result()), at: .zero)
        #expect(Set(referee.findings.faults.keys) == [.once])
        var other = serving()
        other.heard(
            message(
                .failure(
                    .with {
                        $0.task = 1
                        $0.attempt = 2
                        $0.code = .internal
                        $0.message = "m"
                    })), at: .zero)
        #expect(Set(other.findings.faults.keys) == [.addressed])
        #expect(other.findings.faults[.addressed]?.contains("task 1, attempt 2") == true)
    }

    @Test func outcomesAreChecked() {
        func line(_ box: [Int32], _ confidence: Float = 1) -> (inout Lorgnette_V1_Outcome) -> Void {
            {
                $0.lines = [
                    .with {
                        $0.text = "OPEN"
                        $0.box = box
                        $0.confidence = confidence
                    }
                ]
            }
        }
        #expect(faults([], line([0, 0, 100, 50])).isEmpty)
        for box in [
            [0, 0, 101, 50], [-1, 0, 10, 10], [90, 0, 20, 10], [0, 0, 0, 10], [1, 2, 3], [.max, 0, .max, 1],
        ] as [[Int32]] {
            #expect(faults([], line(box)) == [.boxes], "\(box)")
        }
        #expect(faults([], line([], .nan)) == [.confidence])
        #expect(faults { $0.confidence = 1.5 } == [.confidence])
        #expect(faults { $0.clearText() } == [.outputs])
        #expect(
            faults {
                $0.picture = .with {
                    $0.format = "png"
                    $0.width = 100
                    $0.height = 50
                    $0.orientation = 1
                }
            }.isEmpty)
        #expect(
            faults {
                $0.picture = .with {
                    $0.format = "png"
                    $0.width = 50
                    $0.height = 100
                    $0.orientation = 1
                }
            } == [.pictureFacts])
    }

    @Test func tensorsAreChecked() {
        let sound: (inout Lorgnette_V1_Tensor) -> Void = {
            $0.name = "features"
            $0.dtype = "f32"
            $0.shape = [2]
        }
        func found(_ values: [Float], _ change: (inout Lorgnette_V1_Tensor) -> Void = { _ in }) -> Set<Rule> {
            faults([Payload(floats: values)]) { outcome in
                var tensor = Lorgnette_V1_Tensor.with(sound)
                change(&tensor)
                outcome.tensors = [tensor]
            }.subtracting([.outputs])
        }
        #expect(found([1, 2]).isEmpty)
        #expect(found([1, .infinity]) == [.tensors])
        #expect(found([1]) == [.tensors])
        #expect(found([1, 2]) { $0.dtype = "f64" } == [.tensors])
        #expect(found([1, 2]) { $0.frame = 1 } == [.tensors])
        #expect(found([1, 2]) { $0.name = "" } == [.tensors])
        // Hello has no output of this kind.
        #expect(faults([Payload(floats: [1, 2])]) { $0.tensors = [.with(sound)] } == [.outputs])
    }

    @Test func silenceIsJudgedWhileItLoadsOrWorksAndNotWhileItIdles() {
        var referee = serving()
        referee.heard(message(.heartbeat(.init())), at: .seconds(4))
        #expect(referee.findings.verdict(.beatsWhileWorking) == .ok)
        referee.heard(message(result()), at: .seconds(10))
        #expect(Set(referee.findings.faults.keys) == [.beatsWhileWorking])

        var forgiven = serving()
        forgiven.forgive(.seconds(6))
        forgiven.heard(message(result()), at: .seconds(10))
        forgiven.heard(message(.heartbeat(.init())), at: .seconds(100))
        #expect(forgiven.findings.faults.isEmpty)

        var loading = self.referee()
        loading.heard(message(.hello(Self.hello)), at: .zero)
        loading.welcomed(at: .seconds(20))
        loading.finish(at: .seconds(26))
        #expect(Set(loading.findings.faults.keys) == [.beatsWhileLoading])
    }

    @Test func nothingComesAfterGoodbye() {
        var referee = serving()
        referee.heard(message(result()), at: .zero)
        referee.heard(message(.goodbye(.init())), at: .zero)
        referee.heard(message(.heartbeat(.init())), at: .zero)
        #expect(Set(referee.findings.faults.keys) == [.lastWords])
    }
}
