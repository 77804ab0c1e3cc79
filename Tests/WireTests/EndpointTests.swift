import Testing
import Wire

@Suite struct EndpointTests {
    @Test(arguments: [
        "ipc:///run/user/1000/lorgnette-a1b2c3/router", "tcp://127.0.0.1:5555", "tcp://127.8.0.1:1",
        "tcp://127.0.0.1:*",
    ])
    func takesWhatStaysHere(_ text: String) throws {
        let endpoint = try Endpoint(text)
        #expect(endpoint.text == text)
        #expect(endpoint.isLoopback)
    }

    @Test func localhostIsANumber() throws {
        #expect(try Endpoint("tcp://localhost:80").text == "tcp://127.0.0.1:80")
    }

    @Test(arguments: [
        "", "udp://127.0.0.1:1", "ipc://", "ipc://relative", "ipc://*", "ipc://@abstract", "ipc:///a\nb", "tcp://",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:0", "tcp://127.0.0.1:65536", "tcp://127.0.0.1:-1", "tcp://127.0.0.1:8x", "tcp://:80",
        "tcp://a b:80", "tcp://a;b:80", "tcp://1.2.3.4;5.6.7.8:80", "tcp://eth0/x:80", "tcp://**:80", "tcp://[::1]:80",
    ])
    func refusesTheRest(_ text: String) {
        #expect(throws: WireError.self) { try Endpoint(text) }
    }

    @Test(arguments: [
        "tcp://*:80", "tcp://0.0.0.0:80", "tcp://192.168.0.2:80", "tcp://example.org:80", "tcp://127.0.0.256:80",
        "tcp://127.0.1:80",
        "tcp://127.evil.org:80", "tcp://localhost.evil.org:80",
    ])
    func knowsWhatOthersCanReach(_ text: String) throws {
        #expect(try !Endpoint(text).isLoopback)
    }

    @Test func saysWhatOtherMachinesNeed() throws {
        let endpoint = try Endpoint("tcp://10.0.0.1:80")
        let error = #expect(throws: WireError.self) { try DealerSocket(try ZMQContext()).bind(endpoint) }
        #expect(error?.description.contains("CURVE") == true)
    }

    @Test func countsThePathInBytes() throws {
        let path = "/" + String(repeating: "é", count: 53)
        #expect(path.utf8.count == Endpoint.maxPathBytes)
        #expect(try Endpoint("ipc://" + path).path == path)
        #expect(throws: WireError.self) { try Endpoint("ipc://" + path + "x") }
    }
}
