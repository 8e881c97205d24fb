using System.Collections.Generic;
using Unity.MLAgents;
using Unity.MLAgents.Actuators;
using Unity.MLAgents.Policies;
using Unity.MLAgents.Sensors;
using Unity.MLAgents.SideChannels;
using UnityEngine;

namespace Fedxr
{
    /// <summary>Makes the scene's headset an ML-Agents agent, for <c>fedxr unity</c> and for
    /// environments in Python. The channels become observations; answers and cues come back on the
    /// side channel and go to the same actors as ever.</summary>
    /// <remarks><para>A built player that is started with <c>--mlagents-port</c> gets one by itself.
    /// In the editor put it on the <see cref="HeadsetConnection"/>'s object. While no Python is
    /// there it does nothing, and the connection uses its websocket.</para>
    /// <para>There is one discrete action for each task: 0 is silence, k + 1 the cue of class k.
    /// They count where nobody answers on the side channel, as in an environment.</para></remarks>
    [RequireComponent(typeof(HeadsetConnection))]
    [RequireComponent(typeof(BehaviorParameters))]
    [DisallowMultipleComponent]
    [AddComponentMenu("fedxr/Headset Agent (ML-Agents)")]
    public sealed class HeadsetAgent : Agent, IAgentLink
    {
        readonly SceneChannel scene = new SceneChannel();
        readonly List<ScenarioTask> tasks = new List<ScenarioTask>();
        HeadsetConnection connection;
        AgentMessages messages;
        int[] cueing; // the class whose cue an action has begun, by task; -1: none
        float episodeSeconds;
        long begunUs;
        bool speaking, seeded;

        /// <summary>The scene's clock: microseconds of its own time, which a time scale stretches.</summary>
        public long NowUs => (long)System.Math.Round(Time.timeAsDouble * 1e6);

        /// <summary>Seconds from one decision to the next: the project's fixed time step, usually
        /// 0.02.</summary>
        public static double StepSeconds => System.Math.Round(Time.fixedDeltaTime, 6);

        /// <summary>The tasks in the order of the actions.</summary>
        public IReadOnlyList<ScenarioTask> Tasks => tasks;

        /// <inheritdoc/>
        protected override void OnEnable()
        {
            if (!Academy.Instance.IsCommunicatorOn)
                return;
            connection = GetComponent<HeadsetConnection>();
            connection.Link = this;
            messages = new AgentMessages(connection, () => NowUs);
            tasks.Clear();
            if (connection.Scenario != null)
                foreach (Course course in connection.Scenario.Courses)
                    tasks.Add(course.Task);
            Describe(GetComponent<BehaviorParameters>());
            if (GetComponent<HeadsetSensors>() == null)
                gameObject.AddComponent<HeadsetSensors>();
            scene.Received += messages.Take;
            SideChannelManager.RegisterSideChannel(scene);
            Academy.Instance.AgentPreStep += Ask;
            speaking = true;
            base.OnEnable();
        }

        /// <inheritdoc/>
        protected override void OnDisable()
        {
            if (!speaking)
                return;
            speaking = false;
            base.OnDisable();
            SideChannelManager.UnregisterSideChannel(scene);
            scene.Received -= messages.Take;
            if (Academy.IsInitialized)
                Academy.Instance.AgentPreStep -= Ask;
        }

        void Describe(BehaviorParameters behaviour)
        {
            var branches = new int[tasks.Count];
            cueing = new int[tasks.Count];
            for (int i = 0; i < branches.Length; i++)
            {
                branches[i] = tasks[i].Classes.Count + 1;
                cueing[i] = -1;
            }
            behaviour.BrainParameters.VectorObservationSize = 0;
            behaviour.BrainParameters.ActionSpec = ActionSpec.MakeDiscrete(branches);
            behaviour.BehaviorName = connection.ScenarioName ?? gameObject.name;
        }

        void Ask(int academyStep) => RequestDecision();

        /// <summary>The scenario's numbers come from Python at each episode's beginning.</summary>
        public override void OnEpisodeBegin()
        {
            EnvironmentParameters given = Academy.Instance.EnvironmentParameters;
            string scenario = connection.ScenarioName;
            begunUs = NowUs;
            episodeSeconds = given.GetWithDefault(scenario + "/episode_s", 0);
            if (!seeded)
                Random.InitState((int)given.GetWithDefault("seed", 0));
            seeded = true;
            foreach (ScenarioTask task in tasks)
            {
                float classes = given.GetWithDefault(scenario + "/" + task.Name + "/classes", task.Classes.Count);
                if (classes != task.Classes.Count)
                    Debug.LogError("fedxr: task " + task.Name + " has " + classes + " classes in Python and "
                        + task.Classes.Count + " in the scenario file; export the file anew", this);
            }
        }

        /// <summary>The observations have been taken: say when.</summary>
        public override void CollectObservations(VectorSensor sensor) => scene.Stamp(NowUs);

        /// <summary>Where nobody answers on the side channel, the actions are the cues.</summary>
        public override void OnActionReceived(ActionBuffers actions)
        {
            for (int i = 0; i < tasks.Count && !messages.Welcomed; i++)
                Follow(i, actions.DiscreteActions[i] - 1);
            if (episodeSeconds > 0 && NowUs - begunUs >= episodeSeconds * 1e6)
                EpisodeInterrupted();
        }

        void Follow(int task, int label)
        {
            if (label == cueing[task])
                return;
            cueing[task] = label;
            connection.Hear(AgentMessages.CueOf(tasks[task], label));
        }

        bool IAgentLink.Say(string task, long captureUs, int label)
        {
            scene.Say(task, label, captureUs);
            return true;
        }

        void IAgentLink.NewEpisode() => EndEpisode();
    }
}
