using System;
using System.Collections.Generic;
using UnityEngine;

namespace Fedxr
{
    /// <summary>The scene's headset: one per scene. It offers the sensors on its object and below as
    /// channels, sends one frame per rendered frame with what is new in them, and hands what the
    /// agent says to the scene.</summary>
    /// <remarks>Switched off it says bye and sends nothing; switched on again it begins a new
    /// connection, with the sensors that are on then.</remarks>
    [DefaultExecutionOrder(1000)] // after every other LateUpdate, so that poses are the final ones
    [DisallowMultipleComponent]
    [AddComponentMenu("fedxr/Headset Connection")]
    public sealed class HeadsetConnection : MonoBehaviour
    {
        [Tooltip("Where the agent listens: ws://host:port, or wss:// over a network.")]
        [SerializeField] string url = "ws://127.0.0.1:8765";

        [Tooltip("What the server wants to see; empty on this machine.")]
        [SerializeField] string token = "";

        [Tooltip("SHA-256 of a wss server's certificate that the system does not trust, as that of "
            + "`fedxr serve --lan`; the console names it. Empty: only trusted ones.")]
        [SerializeField] string certificateSha256 = "";

        [Tooltip("What the user is called, as a label: the agent knows them by a key that is made on the "
            + "first visit and kept on this device, one for each name.")]
        [SerializeField] string user = "user";

        [Tooltip("Whether the server may record what is sent.")]
        [SerializeField] bool mayBeRecorded = true;

        [Tooltip("The scenario's name; empty: that of the scenario file.")]
        [SerializeField] string scenario = "";

        [Tooltip("The scenario file, exported by the Python package (Assets/Scenarios).")]
        [SerializeField] TextAsset scenarioJson;

        [Tooltip("The answers that are wanted; none: all that the agent gives for this scenario.")]
        [SerializeField] string[] tasks = new string[0];

        [Tooltip("The device's name, for the agent's profile of it (see 'devices' in the scenario file).")]
        [SerializeField] string device = "unity";

        [Tooltip("Frames a second at most; a frame is sent after each rendered one.")]
        [Min(1)]
        [SerializeField] double frameHz = 90;

        /// <summary>A pause of this length starts a new episode: the context before it
        /// says nothing of what comes after.</summary>
        static readonly TimeSpan LongPause = TimeSpan.FromSeconds(2);

        readonly OfferedSensors sensors = new OfferedSensors();
        readonly CueDispatch dispatch = new CueDispatch();
        ConnectionLog log;
        Scenario parsed;
        long dueUs, answeredUs = -1;
        string answeredIn; // the session that answeredUs belongs to
        DateTime pausedAt;
        bool started;

        /// <summary>A cue has come, after the actors have done it.</summary>
        public event Action<Cue> CueArrived;

        /// <summary>An answer has come. The object is used again: take from it what is to be kept.</summary>
        public event Action<Reply> ReplyArrived;

        /// <summary>The server tells of something that went wrong or was dropped.</summary>
        public event Action<Notice> NoticeArrived;

        /// <summary>The connection; null before Start, and when the settings are not allowed; ended
        /// while this component is switched off.</summary>
        public BridgeClient Client { get; private set; }

        /// <summary>Speaks to the agent instead of <see cref="Client"/> where the scene is stepped from
        /// outside (ML-Agents); set before Start.</summary>
        internal IAgentLink Link { get; set; }

        /// <summary>The scenario that the agent is told; null where there is neither name nor file.</summary>
        internal string ScenarioName
        {
            get
            {
                if (scenario.Length > 0)
                    return scenario;
                return Scenario == null ? null : Scenario.UseCase;
            }
        }

        /// <summary>The sensors on this object and below that were on when the connection began.
        /// One of them that is switched off sends nothing until it is on again.</summary>
        public IReadOnlyList<Sensor> Sensors => sensors.On;

        /// <summary>From capture to reply, as this scene sees it: up to one frame is its own.</summary>
        public LatencyMeter Latency { get; } = new LatencyMeter();

        /// <summary>What the scenario file says; null without one.</summary>
        /// <exception cref="FormatException">The file is no scenario.</exception>
        public Scenario Scenario =>
            parsed ?? (parsed = scenarioJson == null ? null : Fedxr.Scenario.Parse(scenarioJson.text));

        /// <summary>Where to connect; takes effect with the next connection.</summary>
        public string Url
        {
            get { return url; }
            set { url = value; }
        }

        /// <summary>What the server wants to see; takes effect with the next connection.</summary>
        public string Token
        {
            get { return token; }
            set { token = value; }
        }

        /// <summary>Whether the server may record what is sent; takes effect at once.</summary>
        public bool MayBeRecorded
        {
            get { return mayBeRecorded; }
            set
            {
                mayBeRecorded = value;
                if (Client != null)
                    Client.MayBeRecorded = value;
            }
        }

        /// <summary>Tell that <paramref name="label"/> was right for <paramref name="task"/> at the
        /// newest answered moment: the user's feedback.</summary>
        /// <returns>False when nothing has been answered in this session yet, or too much waits to be
        /// told.</returns>
        /// <exception cref="ArgumentException">The task is not answered, or the label not allowed.</exception>
        public bool Say(string task, int label)
        {
            if (answeredUs < 0)
                return false;
            if (Link != null)
                return Link.Say(task, answeredUs, label);
            if (Client.Welcome.Session != answeredIn)
                return false;
            // The answer is of the last whole tick: the agent may not know the frame's own yet.
            return Client.SendFeedback(task, answeredUs - Client.Welcome.TickUs, label);
        }

        /// <summary>Let context start anew, for example with another user or chapter.</summary>
        public void NewEpisode()
        {
            if (Link != null)
                Link.NewEpisode();
            else if (Client != null)
                Client.NewEpisode();
        }

        /// <summary>Make an actor known that was not in the scene at its start.</summary>
        public void Add(CueActor actor) => dispatch.Add(actor);

        void OnValidate()
        {
            parsed = null; // the inspector has put another file in
        }

        void Start()
        {
            dispatch.AddRange(FindObjectsByType<CueActor>(FindObjectsInactive.Include, FindObjectsSortMode.None));
            started = true;
            Connect();
        }

        void OnEnable()
        {
            if (started) // the first time it is Start's: until then a Link may still be set
                Connect();
        }

        void OnDisable()
        {
            if (Client != null)
                Client.Dispose();
        }

        void Connect()
        {
            sensors.Gather(this);
            Client = null;
            answeredUs = -1;
            log = new ConnectionLog();
            if (Link != null)
                return;
            try
            {
                Client = new BridgeClient(Options());
                foreach (Sensor sensor in sensors.On)
                    sensor.Channel = Client.Find(sensor.ChannelName);
                Client.Start();
            }
            catch (Exception error) when (IsAdvice(error))
            {
                Debug.LogError("fedxr: " + error.Message, this);
                enabled = false;
            }
        }

        HeadsetOptions Options()
        {
            if (ScenarioName == null)
                throw new ArgumentException("no scenario: give the connection a scenario file or name");
            var options = new HeadsetOptions
            {
                Url = url,
                Token = token.Length == 0 ? null : token,
                CertificateSha256 = certificateSha256,
                User = user,
                Keys = new KeyFolder(System.IO.Path.Combine(Application.persistentDataPath, "fedxr-keys")),
                MayBeRecorded = mayBeRecorded,
                Scenario = ScenarioName,
            };
            options.Tasks.AddRange(tasks);
            options.Device["model"] = device;
            foreach (Sensor sensor in sensors.On)
                options.Channels.Add(sensor.Offer());
            return options;
        }

        void LateUpdate()
        {
            sensors.TellOfLate(Link == null);
            if (Client == null)
                return;
            Receive();
            log.Tell(Client, this);
            long nowUs = Client.NowUs;
            if (!IsDue(nowUs))
                return;
            long period = (long)(1e6 / frameHz);
            dueUs = dueUs + period > nowUs ? dueUs + period : nowUs + period;
            Client.Frame.Begin(nowUs);
            sensors.Sample(nowUs, Client.Frame);
            Client.Frame.Send();
        }

        bool IsDue(long nowUs)
        {
            ConnectionState state = Client.State;
            if (state != ConnectionState.Open && state != ConnectionState.Waiting)
                return false;
            return nowUs >= dueUs - (long)(1e6 / frameHz) / 2; // pictures do not come evenly: no less than half
        }

        /// <summary>Whether the message says what to do, so that no stack trace is needed.</summary>
        internal static bool IsAdvice(Exception error) =>
            error is ArgumentException || error is FormatException || error is InvalidOperationException;

        void Receive()
        {
            Message message;
            while (Client.Poll(out message))
            {
                if (message is Reply)
                    Hear((Reply)message, Client.NowUs);
                else if (message is Cue)
                    Hear((Cue)message);
                else if (message is Notice)
                    Hear((Notice)message);
            }
            string session = Client.Welcome == null ? null : Client.Welcome.Session;
            if (session != answeredIn)
                answeredUs = -1; // a new session knows nothing of the last one's moments
            answeredIn = session;
        }

        internal void Hear(Reply reply, long nowUs)
        {
            answeredUs = reply.CaptureUs;
            Latency.Add(reply.CaptureUs, nowUs);
            if (ReplyArrived != null)
                ReplyArrived(reply);
        }

        internal void Hear(Cue cue)
        {
            dispatch.Hand(cue);
            if (CueArrived != null)
                CueArrived(cue);
        }

        internal void Hear(Notice notice)
        {
            log.Tell(notice, this);
            if (NoticeArrived != null)
                NoticeArrived(notice);
        }

        void OnApplicationPause(bool paused)
        {
            if (Client == null)
                return;
            if (paused)
                pausedAt = DateTime.UtcNow; // the client's clock stands still while a device sleeps
            else if (pausedAt != default(DateTime) && DateTime.UtcNow - pausedAt > LongPause)
                Client.NewEpisode();
        }
    }
}
