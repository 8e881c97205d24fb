// A functional stand-in for the part of com.unity.ml-agents (3.0 and later) that our code uses:
// signatures as in the package, behaviour after its documentation. What a step says goes through
// IExchange instead of gRPC. Never part of what Unity builds.
using System;
using System.Collections.Generic;
using Unity.MLAgents.Actuators;
using Unity.MLAgents.Policies;
using Unity.MLAgents.Sensors;
using UnityEngine;

namespace Unity.MLAgents
{
    [RequireComponent(typeof(BehaviorParameters))]
    public class Agent : MonoBehaviour
    {
        static int episodes;

        public readonly List<ISensor> Sensors = new List<ISensor>();
        internal int EpisodeId;
        internal float Reward;
        bool initialized, wantsDecision, wantsAction;
        ActionBuffers stored;

        public int StepCount { get; private set; }
        public int MaxStep;

        protected virtual void OnEnable() => LazyInitialize();

        protected virtual void OnDisable()
        {
            if (!initialized)
                throw new NullReferenceException("Agent.OnDisable without OnEnable");
            Academy academy = Academy.Instance;
            academy.AgentIncrementStep -= IncrementStep;
            academy.AgentSendState -= SendInfo;
            academy.AgentAct -= Step;
            academy.AgentForceReset -= Begin;
            initialized = false;
        }

        public void LazyInitialize()
        {
            if (initialized)
                return;
            initialized = true;
            EpisodeId = episodes++;
            Academy academy = Academy.Instance;
            academy.AgentIncrementStep += IncrementStep;
            academy.AgentSendState += SendInfo;
            academy.AgentAct += Step;
            academy.AgentForceReset += Begin;
            stored = new ActionBuffers(new float[0], new int[Spec.NumDiscreteActions]);
            Initialize();
            foreach (SensorComponent component in GetComponents<SensorComponent>())
                Sensors.AddRange(component.CreateSensors());
            if (GetComponent<BehaviorParameters>().BrainParameters.VectorObservationSize > 0)
                throw new NotSupportedException("the stub has no vector observations");
            Sensors.Sort((x, y) => string.Compare(x.GetName(), y.GetName(), StringComparison.InvariantCulture));
        }

        public ActionSpec Spec => GetComponent<BehaviorParameters>().BrainParameters.ActionSpec;

        public virtual void Initialize() { }
        public virtual void OnEpisodeBegin() { }
        public virtual void CollectObservations(VectorSensor sensor) { }
        public virtual void OnActionReceived(ActionBuffers actions) { }
        public virtual void Heuristic(in ActionBuffers actionsOut) { }

        public void AddReward(float increment) => Reward += increment;
        public void RequestAction() => wantsAction = true;

        public void RequestDecision()
        {
            wantsDecision = true;
            RequestAction();
        }

        public void EndEpisode() => End(false);
        public void EpisodeInterrupted() => End(true);

        void End(bool interrupted)
        {
            Observe();
            Academy.Instance.Tell(this, true, interrupted);
            foreach (ISensor sensor in Sensors)
                sensor.Reset();
            Reward = 0;
            wantsAction = wantsDecision = false;
            EpisodeId = episodes++;
            Begin();
        }

        void Begin()
        {
            StepCount = 0;
            OnEpisodeBegin();
        }

        void IncrementStep() => StepCount++;

        void SendInfo()
        {
            if (!wantsDecision)
                return;
            wantsDecision = false;
            Observe();
            Academy.Instance.Tell(this, false, false);
            Reward = 0;
        }

        void Observe()
        {
            foreach (ISensor sensor in Sensors)
                sensor.Update();
            CollectObservations(null);
        }

        internal void Decided(int[] branches) => stored = new ActionBuffers(new float[0], branches);

        void Step()
        {
            if (!wantsAction)
                return;
            wantsAction = false;
            OnActionReceived(stored);
        }
    }
}
