using System;
using System.Collections.Generic;
using Unity.MLAgents.SideChannels;

namespace Unity.MLAgents
{
    /// <summary>What an agent tells Python in a step.</summary>
    public sealed class Told
    {
        public Agent Agent;
        public int Id;
        public bool Done, Interrupted;
        public float Reward;
    }

    /// <summary>The other end of the stub's academy; in the package this is the gRPC communicator.</summary>
    public interface IExchange
    {
        /// <summary>Begin; the first command's side channel bytes.</summary>
        byte[] Begin();

        /// <summary>One exchange. Returns false when Python says quit; <paramref name="reset"/> when
        /// it says reset. <paramref name="branches"/> by episode id.</summary>
        bool Step(List<Told> told, byte[] sent, out byte[] received, out bool reset,
            Dictionary<int, int[]> branches);
    }

    public sealed class Academy
    {
        static Academy instance;
        readonly List<Told> told = new List<Told>();
        readonly Dictionary<int, int[]> branches = new Dictionary<int, int[]>();
        bool begun, quit;

        public static IExchange Exchange;
        public static bool IsInitialized => instance != null;
        public static Academy Instance => instance ?? (instance = new Academy());

        Academy()
        {
            EnvironmentParameters = new EnvironmentParameters();
            if (IsCommunicatorOn)
                SideChannelManager.Process(Exchange.Begin());
        }

        public bool IsCommunicatorOn => Exchange != null && !quit;
        public int StepCount { get; private set; }
        public EnvironmentParameters EnvironmentParameters { get; }

        public event Action<int> AgentPreStep;
        public event Action OnEnvironmentReset;
        internal event Action AgentIncrementStep, AgentSendState, AgentAct, AgentForceReset;

        internal void Tell(Agent agent, bool done, bool interrupted) => told.Add(new Told
        {
            Agent = agent, Id = agent.EpisodeId, Done = done, Interrupted = interrupted, Reward = agent.Reward,
        });

        public void EnvironmentStep()
        {
            if (!begun)
                Reset();
            AgentPreStep?.Invoke(StepCount);
            StepCount++;
            AgentIncrementStep?.Invoke();
            AgentSendState?.Invoke();
            if (told.Count > 0)
                Decide();
            AgentAct?.Invoke();
        }

        void Decide()
        {
            byte[] received;
            bool reset;
            branches.Clear();
            quit = !Exchange.Step(told, SideChannelManager.Collect(), out received, out reset, branches);
            var asked = new List<Told>(told);
            told.Clear();
            SideChannelManager.Process(received);
            if (reset)
                Reset();
            int[] chosen;
            foreach (Told one in asked)
                if (!one.Done && branches.TryGetValue(one.Id, out chosen))
                    one.Agent.Decided(chosen);
        }

        void Reset()
        {
            begun = true;
            OnEnvironmentReset?.Invoke();
            AgentForceReset?.Invoke();
        }
    }

    public sealed class EnvironmentParameters
    {
        readonly Channel channel = new Channel();

        internal EnvironmentParameters()
        {
            SideChannelManager.RegisterSideChannel(channel);
        }

        public float GetWithDefault(string key, float defaultValue)
        {
            float found;
            return channel.Values.TryGetValue(key, out found) ? found : defaultValue;
        }

        public IList<string> Keys() => new List<string>(channel.Values.Keys);

        sealed class Channel : SideChannel
        {
            internal readonly Dictionary<string, float> Values = new Dictionary<string, float>();

            internal Channel()
            {
                ChannelId = new Guid("534c891e-810f-11ea-a9d0-822485860400");
            }

            protected override void OnMessageReceived(IncomingMessage msg)
            {
                string key = msg.ReadString();
                if (msg.ReadInt32() == 0)
                    Values[key] = msg.ReadFloat32();
            }
        }
    }
}
