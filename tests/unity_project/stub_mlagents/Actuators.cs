using System;
using Unity.MLAgents.Actuators;
using UnityEngine;

namespace Unity.MLAgents.Actuators
{
    public struct ActionSpec
    {
        public int NumContinuousActions { get; set; }
        public int[] BranchSizes;
        public int NumDiscreteActions => BranchSizes == null ? 0 : BranchSizes.Length;

        public ActionSpec(int numContinuousActions = 0, int[] discreteBranchSizes = null)
        {
            NumContinuousActions = numContinuousActions;
            BranchSizes = discreteBranchSizes ?? new int[0];
        }

        public static ActionSpec MakeDiscrete(params int[] branchSizes) => new ActionSpec(0, branchSizes);
    }

    public struct ActionSegment<T> where T : struct
    {
        readonly T[] array;

        public ActionSegment(T[] actionArray)
        {
            array = actionArray;
        }

        public int Length => array.Length;

        public T this[int index]
        {
            get { return array[index]; }
            set { array[index] = value; }
        }
    }

    public struct ActionBuffers
    {
        public ActionSegment<float> ContinuousActions { get; }
        public ActionSegment<int> DiscreteActions { get; }

        public ActionBuffers(float[] continuousActions, int[] discreteActions)
        {
            ContinuousActions = new ActionSegment<float>(continuousActions);
            DiscreteActions = new ActionSegment<int>(discreteActions);
        }
    }
}

namespace Unity.MLAgents.Policies
{
    public class BrainParameters
    {
        public int VectorObservationSize = 1;
        public int NumStackedVectorObservations = 1;
        public ActionSpec ActionSpec { get; set; } = new ActionSpec(0, null);
    }

    public enum BehaviorType { Default, HeuristicOnly, InferenceOnly }

    public class BehaviorParameters : MonoBehaviour
    {
        public BrainParameters BrainParameters { get; } = new BrainParameters();
        public string BehaviorName { get; set; } = "My Behavior";
        public BehaviorType BehaviorType { get; set; }
        public bool UseChildSensors { get; set; } = true;
    }
}
