"""A real RTSP camera on loopback: a moving ball in H.264. Run by the system's Python, which has GStreamer's bindings.

Arguments: PORT [USER PASSWORD]. EDGE_TEST_FPS in the environment: pictures a second, 15 by default.
SIGUSR1 stops the pictures and leaves the sound; SIGUSR2 takes the ball away, then
shows it again, and so on.
"""

import os
import signal
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

FPS = int(os.environ.get("EDGE_TEST_FPS", "15"))
PIPELINE = (
    "( videotestsrc name=scene is-live=true pattern=ball "
    f"! video/x-raw,format=I420,width=640,height=480,framerate={FPS}/1 "
    f"! valve name=valve ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max={FPS} "
    "! rtph264pay name=pay0 pt=96 config-interval=1 "
    "audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay1 pt=0 )"
)

Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(sys.argv[1])
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(PIPELINE)
factory.set_shared(True)
if len(sys.argv) > 3:
    user, password = sys.argv[2:4]
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
    auth = GstRtspServer.RTSPAuth()
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    factory.add_role_from_structure(
        Gst.Structure.new_from_string("viewer,media.factory.access=true,media.factory.construct=true")
    )
valves, scenes = [], []
BLACK, BALL = 2, 18
shown = [BALL]


def configure(_, media):
    valves.append(media.get_element().get_by_name("valve"))
    scenes.append(media.get_element().get_by_name("scene"))
    scenes[-1].set_property("pattern", shown[0])


factory.connect("media-configure", configure)


def toggle():
    shown[0] = BLACK if shown[0] == BALL else BALL
    for scene in scenes:
        scene.set_property("pattern", shown[0])
    return True


def stall():
    for valve in valves:
        valve.set_property("drop", True)
    return True


GLib.unix_signal_add(GLib.PRIORITY_HIGH, signal.SIGUSR1, stall)
GLib.unix_signal_add(GLib.PRIORITY_HIGH, signal.SIGUSR2, toggle)
server.get_mount_points().add_factory("/cam", factory)
server.attach(None)
print("ready", flush=True)
GLib.MainLoop().run()
